// Where I am signed in, and my keys for programs.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { call, get, post } from "../../api/client";
import { copy } from "../../app/copy";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { useLoose } from "../../parts/history";
import { Ask, Panel, Trouble, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { useSure } from "./sure";
import type { ApiKey, LoginSession, MadeKey } from "./types";

const NEVER = new Set(["users.manage", "system.manage"]); // the server refuses these to any key
const DAY_MS = 86_400_000;

export function SessionTable({ items, onEnd }: { items: LoginSession[]; onEnd: (id: string) => void }) {
  const { t } = useWords();
  return (
    <table className="plain account-table">
      <thead>
        <tr>
          <th scope="col">{t("account.device")}</th>
          <th scope="col">{t("account.address")}</th>
          <th scope="col">{t("account.since")}</th>
          <th scope="col">{t("account.seen")}</th>
          <th scope="col">
            <span className="sr-only">{t("account.end")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id}>
            <td>
              <Text>{item.agent || t("account.unknownDevice")}</Text> {item.here && <Tag tone="info">{t("account.here")}</Tag>}
            </td>
            <td className="figures">
              <Text>{item.address}</Text>
            </td>
            <td>
              <Time at={item.since} short />
            </td>
            <td>
              <Ago at={item.seen_at} />
            </td>
            <td className="end">
              {!item.here && (
                <ActButton tone="quiet" onClick={() => onEnd(item.id)}>
                  {t("account.end")}
                </ActButton>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function KeyTable({ items, onRevoke }: { items: ApiKey[]; onRevoke: (id: number) => void }) {
  const { t } = useWords();
  const loose = useLoose();
  return (
    <table className="plain account-table">
      <thead>
        <tr>
          <th scope="col">{t("account.keyName")}</th>
          <th scope="col">{t("account.keyMay")}</th>
          <th scope="col">{t("account.keyEnds")}</th>
          <th scope="col">{t("account.used")}</th>
          <th scope="col">
            <span className="sr-only">{t("act.revoke")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((key) => (
          <tr key={key.id}>
            <td>
              <Text>{key.name}</Text> {key.state !== "live" && <Tag tone="plain">{t(key.state === "revoked" ? "account.keyRevoked" : "account.keyEnded")}</Tag>}
            </td>
            <td>
              {key.permissions.map((permission) => loose("permission", permission)).join(", ")}
              {key.agencies && <span className="muted"> · {Object.values(key.agency_names).join(", ")}</span>}
            </td>
            <td>
              <Time at={key.ends_at} short />
            </td>
            <td>
              <Ago at={key.used_at} />
            </td>
            <td className="end">
              {key.state === "live" && (
                <ActButton tone="quiet" onClick={() => onRevoke(key.id)} aria-label={`${t("act.revoke")} ${key.name}`}>
                  {t("act.revoke")}
                </ActButton>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Sessions() {
  const { t } = useWords();
  const client = useQueryClient();
  const explain = useExplain();
  const query = useQuery({ queryKey: ["account", "sessions"], queryFn: ({ signal }) => get<{ items: LoginSession[] }>("/account/sessions", {}, signal) });
  const end = (path: string) =>
    void call<void>("DELETE", path).then(
      () => (toast(t("account.ended")), client.invalidateQueries({ queryKey: ["account", "sessions"] })),
      (error: unknown) => toast(explain(error).text, { bad: true }),
    );
  return (
    <Panel
      title={t("account.sessions")}
      aside={
        (query.data?.items.length ?? 0) > 1 && (
          <ActButton tone="quiet" onClick={() => end("/account/sessions")}>
            {t("account.endOthers")}
          </ActButton>
        )
      }
    >
      <Ask query={query} rows={2}>
        {({ items }) => <SessionTable items={items} onEnd={(id) => end(`/account/sessions/${id}`)} />}
      </Ask>
    </Panel>
  );
}

function MakeKey({ onClose }: { onClose: () => void }) {
  const { t } = useWords();
  const loose = useLoose();
  const { me } = useSession();
  const client = useQueryClient();
  const { sure, question } = useSure();
  const [made, setMade] = useState<MadeKey | null>(null);
  const [error, setError] = useState<unknown>(null);
  const shown = useRef<HTMLPreElement>(null);
  const offered = me.permissions.filter((permission) => !NEVER.has(permission));
  const agencies = [...new Map(me.grants.flatMap((grant) => (grant.agency ? [[grant.agency, grant.agency_name ?? grant.agency] as const] : []))).entries()];
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const days = Number(form.get("days"));
    const chosen = form.getAll("agency").map(String);
    const body = {
      name: String(form.get("name") ?? "").trim(),
      permissions: form.getAll("permission").map(String),
      agencies: chosen.length ? chosen : null,
      ends_at: new Date(Date.now() + days * DAY_MS).toISOString(),
    };
    setError(null);
    sure(() => post<MadeKey>("/account/keys", body)).then((found) => {
      setMade(found);
      void client.invalidateQueries({ queryKey: ["account", "keys"] });
    }, setError);
  };
  const take = () => made && void copy(made.key, shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }));
  return (
    <Dialog title={t("account.keyMake")} onClose={onClose} wide>
      {made ? (
        <>
          <p>{t("account.keyOnce")}</p>
          <pre ref={shown} className="codes figures">
            {made.key}
          </pre>
          <footer className="dialog-foot">
            <ActButton onClick={take}>{t("value.copy")}</ActButton>
            <ActButton tone="main" onClick={onClose}>
              {t("account.codesKept")}
            </ActButton>
          </footer>
        </>
      ) : (
        <form onSubmit={submit}>
          <label className="field">
            <span>{t("account.keyName")}</span>
            <input name="name" required maxLength={64} autoFocus />
          </label>
          <label className="field">
            <span>{t("account.keyEnds")}</span>
            <select name="days" defaultValue="90">
              {[7, 30, 90, 180, 365].map((days) => (
                <option key={days} value={days}>
                  {t("account.days", { count: days })}
                </option>
              ))}
            </select>
          </label>
          <fieldset className="account-set">
            <legend>{t("account.keyMay")}</legend>
            {offered.map((permission) => (
              <label key={permission} className="check">
                <input type="checkbox" name="permission" value={permission} defaultChecked={permission.endsWith(".read")} /> {loose("permission", permission)}
              </label>
            ))}
          </fieldset>
          {agencies.length > 1 && (
            <fieldset className="account-set">
              <legend>{t("account.keyWhere")}</legend>
              {agencies.map(([code, name]) => (
                <label key={code} className="check">
                  <input type="checkbox" name="agency" value={code} /> {name}
                </label>
              ))}
            </fieldset>
          )}
          {error !== null && <Trouble error={error} />}
          <footer className="dialog-foot">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
            <button type="submit" className="button button-main">
              {t("account.keyMake")}
            </button>
          </footer>
        </form>
      )}
      {question}
    </Dialog>
  );
}

export function Keys() {
  const { t } = useWords();
  const client = useQueryClient();
  const explain = useExplain();
  const [making, setMaking] = useState(false);
  const query = useQuery({ queryKey: ["account", "keys"], queryFn: ({ signal }) => get<{ items: ApiKey[] }>("/account/keys", {}, signal) });
  const revoke = (id: number) =>
    void call<void>("DELETE", `/account/keys/${id}`).then(
      () => (toast(t("account.keyRevoked")), client.invalidateQueries({ queryKey: ["account", "keys"] })),
      (error: unknown) => toast(explain(error).text, { bad: true }),
    );
  return (
    <Panel title={t("account.keys")} aside={<ActButton onClick={() => setMaking(true)}>{t("account.keyMake")}</ActButton>}>
      <Ask query={query} rows={2}>
        {({ items }) => (items.length ? <KeyTable items={items} onRevoke={revoke} /> : <Empty kind="nothing" title={t("account.noKeys")} />)}
      </Ask>
      {making && <MakeKey onClose={() => setMaking(false)} />}
    </Panel>
  );
}
