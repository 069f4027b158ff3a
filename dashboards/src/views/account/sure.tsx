// "It is you": an act of power that the server wants confirmed is held, the person shows who they are, the act goes on.
import { type FormEvent, type ReactNode, useState } from "react";
import { get, post, Refusal } from "../../api/client";
import { hasPasskeys, showPasskey, wasCancelled } from "../../app/passkey";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Trouble } from "../../parts/panel";
import type { Ways } from "./types";

type Held = { ways: Ways; on: (confirmed: boolean) => void };

function Question({ held, onDone }: { held: Held; onDone: (confirmed: boolean) => void }) {
  const { t } = useWords();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const { ways } = held;
  const passkey = ways.options && hasPasskeys() ? ways.options : null;
  const typed = ways.factors.includes("totp") ? "code" : ways.factors.length === 0 && ways.password ? "password" : null;
  const show = async (body: () => Promise<object>) => {
    setBusy(true);
    setError(null);
    try {
      await post("/session/confirm", await body());
      onDone(true);
    } catch (reason) {
      if (!wasCancelled(reason)) setError(reason);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (typed) void show(async () => ({ [typed]: String(form.get("shown") ?? "") }));
  };
  return (
    <Dialog title={t("sure.title")} onClose={() => onDone(false)}>
      <p className="dialog-subject">{t("sure.why")}</p>
      <form onSubmit={submit}>
        {typed === "code" && (
          <label className="field">
            <span>{t("second.code")}</span>
            <input name="shown" className="figures" inputMode="numeric" autoComplete="one-time-code" required maxLength={16} autoFocus />
          </label>
        )}
        {typed === "password" && (
          <label className="field">
            <span>{t("login.password")}</span>
            <input name="shown" type="password" autoComplete="current-password" required maxLength={256} autoFocus />
          </label>
        )}
        {!typed && !passkey && <p>{t("sure.none")}</p>}
        {error !== null && <Trouble error={error} />}
        <footer className="dialog-foot">
          <ActButton onClick={() => onDone(false)}>{t("act.cancel")}</ActButton>
          {passkey && (
            <ActButton tone={typed ? "plain" : "main"} disabled={busy} onClick={() => void show(async () => ({ credential: await showPasskey(passkey) }))}>
              {t("second.passkey")}
            </ActButton>
          )}
          {typed && (
            <ActButton type="submit" tone="main" disabled={busy}>
              {t("act.confirm")}
            </ActButton>
          )}
        </footer>
      </form>
    </Dialog>
  );
}

/** `sure(act)` runs the act; when the server asks who this is, asks, and runs it again. Rejects when the person gives up. */
export function useSure(): { sure: <T>(act: () => Promise<T>) => Promise<T>; question: ReactNode } {
  const [held, setHeld] = useState<Held | null>(null);
  const sure = async <T,>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Refusal) || error.problem.code !== "LT-A0410") throw error;
      const ways = await get<Ways>("/session/confirm");
      const confirmed = await new Promise<boolean>((on) => setHeld({ ways, on }));
      setHeld(null);
      if (!confirmed) throw error;
      return await act();
    }
  };
  return { sure, question: held && <Question held={held} onDone={held.on} /> };
}
