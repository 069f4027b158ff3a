// Giving a role, adding an account, and the one-time link that comes of it. What may be given is what the server offers.
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { get, post } from "../../api/client";
import { copy } from "../../app/copy";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { useLoose } from "../../parts/history";
import { Ask, Trouble } from "../../parts/panel";
import { Qr } from "../account/factors";
import { useSure } from "../account/sure";
import type { Choices, MadePerson, OneTimeLink, PersonShort } from "./types";

const EVERYWHERE = "*";

export const useChoices = () => useQuery({ queryKey: ["people", "choices"], queryFn: ({ signal }) => get<Choices>("/users/choices", {}, signal) });

/** The last moment of a day in Vietnam, from a date field. */
const endOf = (day: string) => (day ? new Date(`${day}T23:59:59+07:00`).toISOString() : null);
const dayFrom = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

export type NewGrant = { role: string; agency: string | null; until: string | null };
export const grantOf = (form: FormData): NewGrant => ({
  role: String(form.get("role") ?? ""),
  agency: form.get("agency") === EVERYWHERE ? null : String(form.get("agency") ?? ""),
  until: endOf(String(form.get("until") ?? "")),
});

/** Role, place, last day; the places follow the role. */
export function GrantFields({ choices }: { choices: Choices }) {
  const { t } = useWords();
  const loose = useLoose();
  const [role, setRole] = useState(choices.roles.find((choice) => choice.role === "analyst")?.role ?? choices.roles[0]?.role ?? "");
  const chosen = choices.roles.find((choice) => choice.role === role);
  const names = new Map(choices.agencies.map((agency) => [agency.code, agency.name]));
  return (
    <>
      <label className="field">
        <span>{t("people.role")}</span>
        <select name="role" value={role} onChange={(event) => setRole(event.target.value)} required>
          {choices.roles.map((choice) => (
            <option key={choice.role} value={choice.role}>
              {loose("role", choice.role)}
            </option>
          ))}
        </select>
        <small className="muted">{loose("roleWhat", role, "")}</small>
      </label>
      <label className="field">
        <span>{t("people.place")}</span>
        <select name="agency" required>
          {chosen?.everywhere && <option value={EVERYWHERE}>{t("people.everywhere")}</option>}
          {chosen?.agencies.map((code) => (
            <option key={code} value={code}>
              {names.get(code) ?? code}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{t(chosen?.bounded ? "people.lastDay" : "people.lastDayOptional")}</span>
        <input key={role} name="until" type="date" required={chosen?.bounded ?? false} min={dayFrom(0)} max={dayFrom(365)} defaultValue={chosen?.bounded ? dayFrom(90) : ""} />
      </label>
    </>
  );
}

export function LinkShown({ link, onClose }: { link: OneTimeLink; onClose: () => void }) {
  const { t } = useWords();
  const shown = useRef<HTMLPreElement>(null);
  const take = () => void copy(link.link, shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }));
  return (
    <Dialog title={t("people.link")} onClose={onClose} wide>
      <p>{t("people.linkWhy", { minutes: link.minutes })}</p>
      <div className="totp people-link">
        <Qr svg={link.qr} label={t("people.linkQr")} />
        <div>
          <pre ref={shown} className="codes figures">
            {link.link}
          </pre>
          <footer className="dialog-foot">
            <ActButton onClick={take}>{t("value.copy")}</ActButton>
            <ActButton tone="main" onClick={onClose}>
              {t("people.done")}
            </ActButton>
          </footer>
        </div>
      </div>
    </Dialog>
  );
}

export function AddPerson({ onClose, onMade }: { onClose: () => void; onMade: (made: MadePerson) => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const { sure, question } = useSure();
  const choices = useChoices();
  const [error, setError] = useState<unknown>(null);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const home = String(form.get("home") ?? "");
    const body = {
      username: String(form.get("username") ?? ""),
      name: String(form.get("name") ?? ""),
      language: form.get("language") === "en" ? "en" : "vi",
      home: home || null,
      grants: form.get("role") ? [grantOf(form)] : [],
    };
    setError(null);
    sure(() => post<MadePerson>("/users", body)).then(onMade, setError);
  };
  return (
    <Dialog title={t("people.add")} onClose={onClose} wide>
      <Ask query={choices} rows={4}>
        {(offered) => (
          <form onSubmit={submit}>
            <div className="people-fields">
              <label className="field">
                <span>{t("people.name")}</span>
                <input name="name" required maxLength={256} autoFocus autoComplete="off" />
              </label>
              <label className="field">
                <span>{t("login.username")}</span>
                <input name="username" required maxLength={128} autoCapitalize="none" spellCheck={false} autoComplete="off" />
              </label>
              <label className="field">
                <span>{t("people.home")}</span>
                <select name="home" defaultValue={me.node.agency}>
                  {offered.everywhere && <option value="">{t("people.nowhere")}</option>}
                  {offered.agencies.map((agency) => (
                    <option key={agency.code} value={agency.code}>
                      {agency.name}
                    </option>
                  ))}
                </select>
              </label>
              <label className="field">
                <span>{t("account.language")}</span>
                <select name="language">
                  <option value="vi">Tiếng Việt</option>
                  <option value="en">English</option>
                </select>
              </label>
              {offered.roles.length > 0 && <GrantFields choices={offered} />}
            </div>
            {error !== null && <Trouble error={error} />}
            <footer className="dialog-foot">
              <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
              <button type="submit" className="button button-main">
                {t("people.add")}
              </button>
            </footer>
          </form>
        )}
      </Ask>
      {question}
    </Dialog>
  );
}

export function GiveRole({ person, onClose, onGiven }: { person: PersonShort; onClose: () => void; onGiven: () => void }) {
  const { t } = useWords();
  const { sure, question } = useSure();
  const choices = useChoices();
  const [error, setError] = useState<unknown>(null);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = grantOf(new FormData(event.currentTarget));
    setError(null);
    sure(() => post(`/users/${person.id}/grants`, body)).then(onGiven, setError);
  };
  return (
    <Dialog title={t("people.give", { name: person.name })} onClose={onClose}>
      <Ask query={choices} rows={3}>
        {(offered) => (
          <form onSubmit={submit}>
            <p className="muted">{t("people.giveWhy")}</p>
            <GrantFields choices={offered} />
            {error !== null && <Trouble error={error} />}
            <footer className="dialog-foot">
              <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
              <button type="submit" className="button button-main">
                {t("people.giveAct")}
              </button>
            </footer>
          </form>
        )}
      </Ask>
      {question}
    </Dialog>
  );
}
