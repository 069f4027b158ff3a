// The door: name and password, or a one-time link. The token of a link leaves the address as soon as it is read.
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { get } from "../api/client";
import type { Public } from "../api/types";
import { speak, useWords } from "../i18n";
import { Mark } from "../parts/icons";
import { Trouble } from "../parts/panel";
import { useTitle } from "./live";
import { go, useRoute } from "./route";
import { useSigning } from "./session";

export function Login() {
  const { t, language } = useWords();
  const signing = useSigning();
  const about = useQuery({ queryKey: ["public"], queryFn: ({ signal }) => get<Public>("/public", {}, signal), retry: 1 });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const tried = useRef<string | null>(null);
  const password = useRef<HTMLInputElement>(null);
  useTitle(t("login.title"));

  const enter = async (run: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await run();
    } catch (reason) {
      setError(reason);
      if (password.current) {
        password.current.value = "";
        password.current.focus();
      }
    } finally {
      setBusy(false);
    }
  };

  // A link is opened in a new tab or pasted into this one; its token is used once and leaves the address first.
  const { path, query } = useRoute();
  const token = path === "/login" ? query.get("token") : null;
  useEffect(() => {
    if (!token || tried.current === token) return;
    tried.current = token;
    go("#/", true);
    void enter(() => signing.link(token));
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [token]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void enter(() => signing.password(String(form.get("username") ?? ""), String(form.get("password") ?? "")));
  };
  return (
    <main className="login">
      {about.data?.exercise && <p className="exercise">{t("exercise.banner")}</p>}
      <div className="login-card">
        <header>
          <Mark />
          <div>
            <p className="login-name">Lũy Tre</p>
            <p className="muted">{t("login.what")}</p>
          </div>
        </header>
        <p className="login-node">
          {about.data ? about.data.name : about.isError ? t("error.unreachable") : " "}
          {about.data && <span className="tag tag-plain">{t(about.data.role === "national" ? "node.national" : "node.agency")}</span>}
        </p>
        <form onSubmit={submit}>
          <label className="field">
            <span>{t("login.username")}</span>
            <input name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus maxLength={128} />
          </label>
          <label className="field">
            <span>{t("login.password")}</span>
            <input ref={password} name="password" type="password" autoComplete="current-password" required maxLength={1024} />
          </label>
          {error !== null && <Trouble error={error} />}
          <button type="submit" className="button button-main button-wide" disabled={busy}>
            {busy ? t("login.busy") : t("login.enter")}
          </button>
        </form>
        <p className="muted login-hint">{t("login.hint")}</p>
        <footer>
          <button type="button" className="button-quiet" lang={language === "vi" ? "en" : "vi"} onClick={() => speak(language === "vi" ? "en" : "vi")}>
            {language === "vi" ? "English" : "Tiếng Việt"}
          </button>
          <span className="muted figures">{about.data?.version}</span>
        </footer>
      </div>
    </main>
  );
}
