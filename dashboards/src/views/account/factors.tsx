// How I log in: password, authenticator app with its QR code, recovery codes, passkeys.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { call, post } from "../../api/client";
import { copy } from "../../app/copy";
import { hasPasskeys, makePasskey, wasCancelled } from "../../app/passkey";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Panel, Trouble, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { useSure } from "./sure";
import type { Account, NewTotp } from "./types";

/** A picture of the server's own making: an image runs nothing that it may contain. */
export function Qr({ svg, label }: { svg: string; label: string }) {
  return <img className="qr" src={`data:image/svg+xml;utf8,${encodeURIComponent(svg)}`} alt={label} width={220} height={220} />;
}

export function useChanged() {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: ["account"] });
    void client.invalidateQueries({ queryKey: ["session"] });
  };
}

export function Password({ account }: { account: Account }) {
  const { t } = useWords();
  const { me } = useSession();
  const changed = useChanged();
  const form = useRef<HTMLFormElement>(null);
  const save = useMutation({
    mutationFn: (body: { old: string; new: string }) => post("/session/password", body),
    onSuccess: () => {
      form.current?.reset();
      toast(t("account.passwordSaved"));
      changed();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    save.mutate({ old: String(data.get("old") ?? ""), new: String(data.get("new") ?? "") });
  };
  return (
    <Panel title={t("account.password")} aside={account.password_at ? <span className="muted"><Time at={account.password_at} /></span> : <Tag tone="warn">{t("account.noPassword")}</Tag>}>
      <form ref={form} onSubmit={submit} className="account-form">
        <input type="hidden" name="username" autoComplete="username" value={me.user.username} readOnly />
        {account.password && (
          <label className="field">
            <span>{t("account.oldPassword")}</span>
            <input name="old" type="password" autoComplete="current-password" required maxLength={256} />
          </label>
        )}
        <label className="field">
          <span>{t("account.newPassword")}</span>
          <input name="new" type="password" autoComplete="new-password" required minLength={15} maxLength={256} />
          <small className="muted">{t("account.passwordHint")}</small>
        </label>
        {save.isError && <Trouble error={save.error} />}
        <ActButton type="submit" className="account-act" disabled={save.isPending}>
          {t("account.savePassword")}
        </ActButton>
      </form>
    </Panel>
  );
}

function RecoveryCodes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const { t } = useWords();
  const shown = useRef<HTMLPreElement>(null);
  const take = () => void copy(codes.join("\n"), shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }));
  return (
    <Dialog title={t("account.codes")} onClose={onClose}>
      <p>{t("account.codesWhy")}</p>
      <pre ref={shown} className="codes figures">
        {codes.join("\n")}
      </pre>
      <footer className="dialog-foot">
        <ActButton onClick={take}>{t("value.copy")}</ActButton>
        <ActButton tone="main" onClick={onClose}>
          {t("account.codesKept")}
        </ActButton>
      </footer>
    </Dialog>
  );
}

function TotpDialog({ made, onClose, onCodes }: { made: NewTotp; onClose: () => void; onCodes: (codes: string[]) => void }) {
  const { t } = useWords();
  const check = useMutation({
    mutationFn: (code: string) => post<{ codes: string[] }>("/account/totp/check", { code }),
    onSuccess: ({ codes }) => onCodes(codes),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    check.mutate(String(new FormData(event.currentTarget).get("code") ?? "").replace(/\s/g, ""));
  };
  return (
    <Dialog title={t("account.totpTitle")} onClose={onClose} wide>
      <div className="totp">
        <Qr svg={made.qr} label={t("account.qr")} />
        <form onSubmit={submit}>
          <p>{t("account.totpScan")}</p>
          <p className="muted">{t("account.totpType")}</p>
          <p className="figures totp-secret">{made.secret.match(/.{1,4}/g)?.join(" ")}</p>
          <label className="field">
            <span>{t("second.code")}</span>
            <input name="code" className="figures" inputMode="numeric" autoComplete="one-time-code" required pattern="[0-9 ]{6,7}" maxLength={7} autoFocus />
          </label>
          {check.isError && <Trouble error={check.error} />}
          <footer className="dialog-foot">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
            <ActButton type="submit" tone="main" disabled={check.isPending}>
              {t("account.totpCheck")}
            </ActButton>
          </footer>
        </form>
      </div>
    </Dialog>
  );
}

export function Totp({ account }: { account: Account }) {
  const { t } = useWords();
  const explain = useExplain();
  const changed = useChanged();
  const { sure, question } = useSure();
  const [made, setMade] = useState<NewTotp | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const bad = (error: unknown) => toast(explain(error).text, { bad: true });
  const begin = () => sure(() => post<NewTotp>("/account/totp")).then(setMade, bad);
  const remove = () => sure(() => call<void>("DELETE", "/account/totp")).then(() => (toast(t("account.removed")), changed()), bad);
  const renew = () => sure(() => post<{ codes: string[] }>("/account/recovery")).then((found) => setCodes(found.codes), bad);
  return (
    <Panel
      title={t("account.totp")}
      aside={<Tag tone={account.totp_at ? "ok" : account.required && !account.factors.length ? "warn" : "plain"}>{t(account.totp_at ? "account.on" : "account.off")}</Tag>}
    >
      {account.totp_at ? (
        <>
          <p className="muted">
            {t("account.since")} <Time at={account.totp_at} /> · {t("account.used")} <Ago at={account.totp_used_at} />
          </p>
          <p>{t("account.codesLeft", { count: account.recovery_left })}</p>
          <div className="acts account-act">
            <ActButton onClick={() => void renew()}>{t("account.codesNew")}</ActButton>
            <ActButton onClick={() => void remove()}>{t("account.remove")}</ActButton>
          </div>
        </>
      ) : (
        <>
          <p className="muted">{t("account.totpWhy")}</p>
          <ActButton tone="main" className="account-act" onClick={() => void begin()}>
            {t("account.totpBegin")}
          </ActButton>
        </>
      )}
      {made && (
        <TotpDialog
          made={made}
          onClose={() => setMade(null)}
          onCodes={(found) => {
            setMade(null);
            setCodes(found);
          }}
        />
      )}
      {codes && (
        <RecoveryCodes
          codes={codes}
          onClose={() => {
            setCodes(null);
            changed();
          }}
        />
      )}
      {question}
    </Panel>
  );
}

function NameDialog({ onClose, onName }: { onClose: () => void; onName: (name: string) => void }) {
  const { t } = useWords();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onName(String(new FormData(event.currentTarget).get("name") ?? "").trim());
  };
  return (
    <Dialog title={t("account.passkeyAdd")} onClose={onClose}>
      <form onSubmit={submit}>
        <label className="field">
          <span>{t("account.passkeyName")}</span>
          <input name="name" required maxLength={64} autoFocus />
          <small className="muted">{t("account.passkeyNameHint")}</small>
        </label>
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <button type="submit" className="button button-main">
            {t("account.passkeyAdd")}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export function Passkeys({ account }: { account: Account }) {
  const { t } = useWords();
  const explain = useExplain();
  const changed = useChanged();
  const { sure, question } = useSure();
  const [naming, setNaming] = useState(false);
  const here = account.passkeys_here && hasPasskeys();
  const bad = (error: unknown) => {
    if (!wasCancelled(error)) toast(explain(error).text, { bad: true });
  };
  const add = (name: string) => {
    setNaming(false);
    void sure(() => post<{ options: Record<string, unknown> }>("/account/passkeys/options"))
      .then(async ({ options }) => post("/account/passkeys", { name, credential: await makePasskey(options) }))
      .then(() => (toast(t("account.passkeyAdded")), changed()), bad);
  };
  const remove = (id: number) => void sure(() => call<void>("DELETE", `/account/passkeys/${id}`)).then(() => (toast(t("account.removed")), changed()), bad);
  return (
    <Panel title={t("account.passkeys")} aside={<Tag tone={account.passkeys.length ? "ok" : "plain"}>{account.passkeys.length}</Tag>}>
      <p className="muted">{t(here ? "account.passkeysWhy" : "account.passkeysNot")}</p>
      {account.passkeys.length > 0 && (
        <table className="plain account-table">
          <thead>
            <tr>
              <th scope="col">{t("account.passkeyName")}</th>
              <th scope="col">{t("account.since")}</th>
              <th scope="col">{t("account.used")}</th>
              <th scope="col">
                <span className="sr-only">{t("account.remove")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {account.passkeys.map((key) => (
              <tr key={key.id}>
                <td>
                  <Text>{key.name}</Text>
                </td>
                <td>
                  <Time at={key.created_at} short />
                </td>
                <td>
                  <Ago at={key.used_at} />
                </td>
                <td className="end">
                  <ActButton tone="quiet" onClick={() => remove(key.id)} aria-label={`${t("account.remove")} ${key.name}`}>
                    {t("account.remove")}
                  </ActButton>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {here && (
        <ActButton className="account-act" onClick={() => setNaming(true)}>
          {t("account.passkeyAdd")}
        </ActButton>
      )}
      {naming && <NameDialog onClose={() => setNaming(false)} onName={add} />}
      {question}
    </Panel>
  );
}
