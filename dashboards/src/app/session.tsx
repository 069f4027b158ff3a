// Who is here: the answer of GET /session, its CSRF token, and what may be done.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { call, get, post, Refusal, setCsrf, whenSignedOut } from "../api/client";
import { closeStream, openStream } from "../api/stream";
import type { Me } from "../api/types";
import { type Language, speak } from "../i18n";
import { showPasskey } from "./passkey";

const KEY = ["session"];

/** The first step of a log-in was right; one of these factors is still owed. */
export type Owed = { second: ("passkey" | "totp" | "recovery")[] };

export type Session = { me: Me; can: (permission: string) => boolean };
const Context = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("no session");
  return session;
}

/** undefined while the answer is on its way, null when nobody is signed in. */
export function useMe() {
  const client = useQueryClient();
  useEffect(() => {
    whenSignedOut(() => client.setQueryData(KEY, null));
  }, [client]);
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }): Promise<Me | null> => {
      try {
        return accept(await get<Me>("/session", {}, signal));
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: 5 * 60_000,
  });
}

function accept(me: Me): Me {
  setCsrf(me.csrf);
  return me;
}

export function useSigning() {
  const client = useQueryClient();
  return useMemo(() => {
    const enter = (me: Me) => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" && query.queryKey[0] !== "public" });
      client.setQueryData(KEY, accept(me));
      speak(me.user.language);
    };
    const step = (answer: Me | Owed): Owed | null => {
      if ("second" in answer) return answer;
      enter(answer);
      return null;
    };
    return {
      password: async (username: string, password: string) => step(await post<Me | Owed>("/session", { username, password })),
      link: async (token: string) => step(await post<Me | Owed>("/session/link", { token })),
      second: async (code: string) => step(await post<Me>("/session/second", { code })),
      passkey: async () => {
        const { options } = await post<{ options: Record<string, unknown> }>("/session/passkey/options");
        return step(await post<Me>("/session/passkey", { credential: await showPasskey(options) }));
      },
      out: async () => {
        try {
          await call<void>("DELETE", "/session");
        } finally {
          closeStream();
          client.setQueryData(KEY, null);
        }
      },
      language: async (language: Language) => {
        speak(language);
        const me = await call<Me | undefined>("PATCH", "/session", { body: { language } });
        if (me) client.setQueryData(KEY, accept(me));
      },
    };
  }, [client]);
}

export function SessionProvider({ me, children }: { me: Me; children: ReactNode }) {
  useEffect(() => {
    openStream();
    return closeStream;
  }, [me.user.id]);
  useEffect(() => speak(me.user.language), [me.user.language]);
  const session = useMemo(() => {
    const held = new Set(me.permissions);
    return { me, can: (permission: string) => held.has(permission) };
  }, [me]);
  return <Context.Provider value={session}>{children}</Context.Provider>;
}
