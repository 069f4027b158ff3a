// The door: name and password, a passkey, a provider of the agency, or a one-time link; then the second factor where one is
// owed. The token of a link leaves the address as soon as it is read.
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { address, get } from "../api/client";
import type { Public } from "../api/types";
import { speak, useWords } from "../i18n";
import { ActButton } from "../parts/button";
import { Mark } from "../parts/icons";
import { Trouble } from "../parts/panel";
import { useTitle } from "./live";
import { hasPasskeys, wasCancelled } from "./passkey";
import { go, useRoute } from "./route";
import { type Owed, useSigning } from "./session";

function SecondStep({ owed, busy, onCode, onBack }: { owed: Owed; busy: boolean; onCode: (code: string) => void; onBack: () => void }) {
  const { t } = useWords();
  const [recovery, setRecovery] = useState(!owed.second.includes("totp"));
  const typed = owed.second.some((factor) => factor !== "passkey");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onCode(String(new FormData(event.currentTarget).get("code") ?? "").trim());
  };
  return (
    <>
      <h2>{t("second.title")}</h2>
      {typed ? (
        <form onSubmit={submit}>
          <label className="field">
            <span>{t(recovery ? "second.recoveryCode" : "second.code")}</span>
            <input key={String(recovery)} name="code" className="figures" inputMode={recovery ? "text" : "numeric"} autoComplete="one-time-code" autoCapitalize="characters" spellCheck={false} required minLength={6} maxLength={24} autoFocus />
            <small className="muted">{t(recovery ? "second.recoveryHint" : "second.codeHint")}</small>
          </label>
          <ActButton type="submit" tone="main" className="button-wide" disabled={busy}>
            {busy ? t("login.busy") : t("login.enter")}
          </ActButton>
        </form>
      ) : (
        <p>{t("second.passkeyOnly")}</p>
      )}
      <p className="login-more">
        {owed.second.includes("totp") && owed.second.includes("recovery") && (
          <button type="button" className="button-quiet" onClick={() => setRecovery(!recovery)}>
            {t(recovery ? "second.useCode" : "second.useRecovery")}
          </button>
        )}
        <button type="button" className="button-quiet" onClick={onBack}>
          {t("second.back")}
        </button>
      </p>
    </>
  );
}

export function Login() {
  const { t, language } = useWords();
  const signing = useSigning();
  const about = useQuery({ queryKey: ["public"], queryFn: ({ signal }) => get<Public>("/public", {}, signal), retry: 1 });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [owed, setOwed] = useState<Owed | null>(null);
  const tried = useRef<string | null>(null);
  const password = useRef<HTMLInputElement>(null);
  useTitle(t("login.title"));

  const enter = async (run: () => Promise<Owed | null>) => {
    setBusy(true);
    setError(null);
    try {
      setOwed(await run());
    } catch (reason) {
      if (!wasCancelled(reason)) setError(reason);
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
  // Back from a provider: with a second factor still owed, or without success.
  const back = path === "/login" ? query.get("oidc") : null;
  const refused = back === "failed" || back === "unreachable" ? back : null;
  useEffect(() => {
    if (back === "second") setOwed({ second: ["totp", "recovery"] });
  }, [back]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void enter(() => signing.password(String(form.get("username") ?? ""), String(form.get("password") ?? "")));
  };
  const passkeys = about.data?.passkeys && hasPasskeys();
  const restart = () => {
    setOwed(null);
    setError(null);
    if (back) go("#/", true);
  };
  return (
    <main className="login">
      {about.data?.exercise && <p className="exercise">{t("exercise.banner")}</p>}
      <div className="login-card">
        <header>
          <Mark />
          <div>
            <h1 className="login-name">Lũy Tre</h1>
            <p className="muted">{t("login.what")}</p>
          </div>
        </header>
        <p className="login-node">
          {about.data ? about.data.name : about.isError ? t("error.unreachable") : " "}
          {about.data && <span className="tag tag-plain">{t(about.data.role === "national" ? "node.national" : "node.agency")}</span>}
        </p>
        {owed ? (
          <SecondStep owed={owed} busy={busy} onCode={(code) => void enter(() => signing.second(code))} onBack={restart} />
        ) : about.data?.setup_needed ? (
          <div className="login-first">
            <h2>{t("signin.firstTitle")}</h2>
            <p>{t("signin.firstWhy")}</p>
            <pre className="command figures">luytre users add --role lead --name … …</pre>
          </div>
        ) : (
          <form onSubmit={submit}>
            <label className="field">
              <span>{t("login.username")}</span>
              <input name="username" autoComplete="username webauthn" autoCapitalize="none" spellCheck={false} required autoFocus maxLength={128} />
            </label>
            <label className="field">
              <span>{t("login.password")}</span>
              <input ref={password} name="password" type="password" autoComplete="current-password" required maxLength={1024} />
            </label>
            <ActButton type="submit" tone="main" className="button-wide" disabled={busy}>
              {busy ? t("login.busy") : t("login.enter")}
            </ActButton>
          </form>
        )}
        {error !== null && <Trouble error={error} />}
        {refused && error === null && (
          <p className="trouble" role="alert">
            {t(refused === "failed" ? "signin.oidcFailed" : "signin.oidcAway")}
          </p>
        )}
        {(passkeys || (!owed && (about.data?.providers.length ?? 0) > 0)) && !about.data?.setup_needed && (
          <div className="login-ways">
            {passkeys && (!owed || owed.second.includes("passkey")) && (
              <ActButton className="button-wide" disabled={busy} onClick={() => void enter(() => signing.passkey())}>
                {t("second.passkeyEnter")}
              </ActButton>
            )}
            {!owed &&
              about.data?.providers.map((provider) => (
                <a key={provider.id} className="button button-wide" href={address(`/session/oidc/${encodeURIComponent(provider.id)}`)}>
                  {t("signin.by", { name: provider.name })}
                </a>
              ))}
          </div>
        )}
        {!owed && <p className="muted login-hint">{t("login.hint")}</p>}
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
