// Ways out of this machine: made here, tested here. A secret is typed, never shown again.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, get, post } from "../../api/client";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { AgencyField } from "../../parts/agency";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { Ask, Trouble, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { SendingTag } from "./deliveries";
import { type Channel, type ChannelIn, type Channels as List, LEVELS, type Sending } from "./types";

const TEST_EVERY_MS = 700;
const ENDED = ["sent", "given_up"];

/** The state of one test message, until it has ended. */
function TestResult({ id }: { id: number }) {
  const { t, pick } = useWords();
  const query = useQuery({
    queryKey: ["notices", "delivery", id],
    queryFn: ({ signal }) => get<Sending>(`/notices/deliveries/${id}`, {}, signal),
    refetchInterval: (found) => (found.state.data && ENDED.includes(found.state.data.state) ? false : TEST_EVERY_MS),
  });
  const row = query.data;
  return (
    <p className="notice-test" role="status">
      {!row || !ENDED.includes(row.state) ? t("channel.testing") : <SendingTag row={row} />}{" "}
      {row && ENDED.includes(row.state) && <Text>{row.error ? pick(row.error) : row.receipt}</Text>}
    </p>
  );
}

function Editor({ channel, kinds, onClose }: { channel: Channel | null; kinds: string[]; onClose: () => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const client = useQueryClient();
  const [kind, setKind] = useState(channel?.kind ?? "mail");
  const old = (channel?.settings ?? {}) as Record<string, unknown>;
  const save = useMutation({
    mutationFn: (body: ChannelIn) =>
      channel ? call("PUT", `/notices/channels/${channel.id}`, { body, revision: channel.revision }) : post("/notices/channels", body),
    onSuccess: () => {
      toast(t("notices.saved"));
      void client.invalidateQueries({ queryKey: ["notices"] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const settings =
      kind === "mail"
        ? { host: text("host"), port: Number(text("port")), tls: text("tls"), sender: text("sender"), to: text("to").split(/[\s,;]+/).filter(Boolean), user: text("user") }
        : kind === "webhook"
          ? { url: text("url") }
          : {};
    const secret = text("secret");
    save.mutate({
      agency: text("agency") || me.node.agency,
      name: text("name"),
      kind,
      settings,
      secret: secret || (channel ? null : ""),
      titles: form.has("titles"),
      tells_over: form.has("over"),
      personal: (text("personal") || null) as ChannelIn["personal"],
      enabled: form.has("enabled"),
      retired: false,
    });
  };
  const secretLabel = kind === "mail" ? t("channel.secretMail") : kind === "webhook" ? t("channel.secretWebhook") : t("channel.secretApprise");
  return (
    <Dialog title={channel ? t("channel.change") : t("channel.add")} onClose={onClose} wide>
      <form onSubmit={submit} className="notice-form">
        <label className="field">
          <span>{t("channel.name")}</span>
          <input name="name" required maxLength={128} defaultValue={channel?.name ?? ""} autoFocus />
        </label>
        <label className="field">
          <span>{t("channel.kindLabel")}</span>
          <select value={kind} disabled={channel !== null} onChange={(event) => setKind(event.target.value)}>
            {kinds.map((name) => (
              <option key={name} value={name}>
                {t(`channel.kindOf.${name as "mail"}`, { defaultValue: name })}
              </option>
            ))}
          </select>
        </label>
        <AgencyField label={t("channel.agency")} name="agency" value={channel?.agency} fixed={channel !== null} />
        {kind === "mail" && (
          <>
            <label className="field">
              <span>{t("channel.host")}</span>
              <input name="host" required maxLength={253} defaultValue={String(old.host ?? "")} />
            </label>
            <label className="field">
              <span>{t("channel.port")}</span>
              <input name="port" type="number" min={1} max={65535} required defaultValue={Number(old.port ?? 587)} />
            </label>
            <label className="field">
              <span>{t("channel.tls")}</span>
              <select name="tls" defaultValue={String(old.tls ?? "starttls")}>
                <option value="starttls">{t("channel.starttls")}</option>
                <option value="tls">{t("channel.tlsFirst")}</option>
                <option value="none">{t("channel.none")}</option>
              </select>
            </label>
            <label className="field">
              <span>{t("channel.sender")}</span>
              <input name="sender" type="email" required maxLength={254} defaultValue={String(old.sender ?? "")} />
            </label>
            <label className="field notice-wide">
              <span>{t("channel.to")}</span>
              <textarea name="to" rows={2} defaultValue={Array.isArray(old.to) ? old.to.join("\n") : ""} />
            </label>
            <label className="field">
              <span>{t("channel.user")}</span>
              <input name="user" autoComplete="off" maxLength={254} defaultValue={String(old.user ?? "")} />
            </label>
          </>
        )}
        {kind === "webhook" && (
          <label className="field notice-wide">
            <span>{t("channel.url")}</span>
            <input name="url" type="url" required maxLength={2048} pattern="https://.*" defaultValue={String(old.url ?? "")} />
          </label>
        )}
        <label className="field notice-wide">
          <span>{secretLabel}</span>
          <input name="secret" type="password" autoComplete="new-password" maxLength={4096} required={!channel && kind !== "mail"} />
          <small className="muted">{channel?.has_secret ? t("channel.secretKept") : t("channel.secretHint")}</small>
        </label>
        {kind !== "webhook" && (
          <label className="field notice-wide">
            <span>{t("channel.personal")}</span>
            <select name="personal" defaultValue={channel?.personal ?? ""}>
              <option value="">{t("channel.personalNo")}</option>
              {LEVELS.map((level) => (
                <option key={level} value={level}>
                  {t(`level.${level}`)}
                </option>
              ))}
            </select>
          </label>
        )}
        <label className="check notice-wide">
          <input type="checkbox" name="titles" defaultChecked={channel?.titles ?? false} /> {t("channel.titles")}
        </label>
        <label className="check notice-wide">
          <input type="checkbox" name="over" defaultChecked={channel?.tells_over ?? false} /> {t("channel.over")}
        </label>
        <label className="check notice-wide">
          <input type="checkbox" name="enabled" defaultChecked={channel?.enabled ?? true} /> {t("channel.enabled")}
        </label>
        {save.isError && <Trouble error={save.error} />}
        <footer className="dialog-foot notice-wide">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={save.isPending}>
            {t("notices.save")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

export function Channels() {
  const { t, pick } = useWords();
  const { can } = useSession();
  const explain = useExplain();
  const [editing, setEditing] = useState<Channel | "new" | null>(null);
  const [tests, setTests] = useState<Record<number, number>>({});
  const query = useQuery({ queryKey: ["notices", "channels"], queryFn: ({ signal }) => get<List>("/notices/channels", {}, signal), refetchInterval: 15_000 });
  const test = useMutation({
    mutationFn: (row: Channel) => post<{ sending_id: number }>(`/notices/channels/${row.id}/test`),
    onSuccess: (made, row) => setTests((now) => ({ ...now, [row.id]: made.sending_id })),
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const manage = can("notices.manage");
  const add = manage && (
    <ActButton tone="main" onClick={() => setEditing("new")}>
      {t("channel.add")}
    </ActButton>
  );
  return (
    <Ask query={query} rows={4}>
      {(list) => (
        <div className="notice-body">
          {!list.public_url && <p className="notice-hint">{t("notices.noAddress")}</p>}
          {list.items.length === 0 ? (
            <Empty kind="nothing" title={t("channel.empty")} action={add || undefined}>
              {t("channel.emptyWhy")}
            </Empty>
          ) : (
            <>
              {add && <div className="notice-acts">{add}</div>}
              <ul className="notice-cards">
                {list.items.map((row) => (
                  <li key={row.id} className="panel notice-card">
                    <header>
                      <h2>
                        <Text>{row.name}</Text>
                      </h2>
                      <Tag tone={!row.enabled ? "plain" : row.fails > 0 ? "bad" : row.last ? "ok" : "plain"}>
                        {!row.enabled ? t("channel.off") : row.fails > 0 ? t("channel.failing", { fails: row.fails }) : row.last ? t("channel.on") : t("channel.never")}
                      </Tag>
                    </header>
                    <p className="muted">
                      {t(`channel.kindOf.${row.kind as "mail"}`, { defaultValue: row.kind })} · <Text>{row.shown}</Text>
                    </p>
                    {row.last && (
                      <p>
                        <SendingTag row={row.last} /> <Time at={row.last.at} /> <span className="muted">{row.last.error ? pick(row.last.error) : <Text mono>{row.last.receipt}</Text>}</span>
                      </p>
                    )}
                    {tests[row.id] !== undefined && <TestResult id={tests[row.id] ?? 0} />}
                    {manage && (
                      <footer className="notice-acts">
                        <ActButton onClick={() => test.mutate(row)} disabled={test.isPending}>
                          {t("channel.test")}
                        </ActButton>
                        <ActButton onClick={() => setEditing(row)}>{t("notices.edit")}</ActButton>
                      </footer>
                    )}
                  </li>
                ))}
              </ul>
            </>
          )}
          {editing && <Editor channel={editing === "new" ? null : editing} kinds={list.kinds} onClose={() => setEditing(null)} />}
        </div>
      )}
    </Ask>
  );
}
