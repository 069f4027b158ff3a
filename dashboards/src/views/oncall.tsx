// /oncall — for the phone of who is on duty: read, take, pass on, put off, call. Three buttons, 48 px each.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, get, post } from "../api/client";
import type { Alert, Page } from "../api/types";
import { useTitle } from "../app/live";
import { useAgencyName } from "../app/names";
import { href } from "../app/route";
import { useSession } from "../app/session";
import { toast } from "../app/toasts";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton } from "../parts/button";
import { Empty } from "../parts/empty";
import { Ask, Trouble, useExplain } from "../parts/panel";
import { Severity } from "../parts/severity";
import { Text } from "../parts/text";
import { Time } from "../parts/time";
import { NoteDialog } from "./alerts/dialogs";
import { clock, type Duty, type Mine, minutes, type Reach } from "./notices/types";
import "./notices/notices.css";

const EVERY_MS = 15_000;
type List = { items: Mine[]; total: number };

/** Digits of a contact, for tel:, when it holds a number. */
const numberIn = (text: string) => /\+?\d[\d .-]{6,}\d/.exec(text)?.[0].replace(/[ .-]/g, "");

function Card({ item }: { item: Mine }) {
  const { t, pick } = useWords();
  const agencyName = useAgencyName();
  const client = useQueryClient();
  const explain = useExplain();
  const [noting, setNoting] = useState(false);
  const act = useMutation({
    mutationFn: ({ word, body }: { word: string; body?: object; said: string }) => post<List>(`/duty/mine/${item.id}/${word}`, body),
    onSuccess: (list, { said }) => {
      client.setQueryData(["oncall", "mine"], list);
      toast(said);
      void client.invalidateQueries({ queryKey: ["oncall"] });
    },
    onError: (error) => {
      toast(explain(error).text, { bad: true });
      void client.invalidateQueries({ queryKey: ["oncall"] });
    },
  });
  const note = useMutation({
    mutationFn: (text: string) => post(`/${item.link.startsWith("#/incidents/") ? "incidents" : "alerts"}/${item.ref}/note`, { text }),
    onSuccess: () => toast(t("oncall.noted")),
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const system = numberIn(item.contact.system_contact);
  const lead = numberIn(item.contact.lead_phone);
  const noteable = item.count === 1 && /^#\/(alerts|incidents)\//.test(item.link);
  return (
    <li className={`panel oncall-card level-${item.level}`}>
      <p className="oncall-head">
        <Severity level={item.level} /> <span className="figures">{item.ref}</span> <Time at={item.at} short />
      </p>
      <h2>
        <Text>{pick(item.title) || item.ref}</Text>
      </h2>
      <p className="muted">
        <Text>{agencyName(item.agency)}</Text> · {t(`notices.kind.${item.kind as "alert"}`)} · {t(`notices.why.${item.why as "route"}`)}
        {item.count > 1 && <> · {t("oncall.many", { count: item.count - 1 })}</>}
      </p>
      {item.escalate_at && (
        <p className="muted">
          {t("oncall.escalates")} <Time at={item.escalate_at} short />
        </p>
      )}
      <div className="oncall-acts">
        <ActButton tone="main" disabled={act.isPending} onClick={() => act.mutate({ word: "acknowledge", said: t("oncall.taken") })}>
          {t("oncall.take")}
        </ActButton>
        {item.kind !== "account" && (
          <ActButton disabled={act.isPending} onClick={() => act.mutate({ word: "pass", said: t("oncall.passed") })}>
            {t("oncall.pass")}
          </ActButton>
        )}
        <ActButton disabled={act.isPending} onClick={() => act.mutate({ word: "put-off", body: { minutes: 60 }, said: t("oncall.hidden") })}>
          {t("oncall.later")}
        </ActButton>
      </div>
      <div className="oncall-more">
        {item.link.startsWith("#/") && (
          <a className="button" href={item.link}>
            {t("oncall.read")}
          </a>
        )}
        {noteable && <ActButton onClick={() => setNoting(true)}>{t("oncall.note")}</ActButton>}
        {system && (
          <a className="button" href={`tel:${system}`}>
            {t("oncall.callSystem")}
          </a>
        )}
        {lead && (
          <a className="button" href={`tel:${lead}`}>
            {t("oncall.callLead", { name: item.contact.lead })}
          </a>
        )}
      </div>
      {noting && <NoteDialog title={t("note.title")} label={t("note.label")} send={t("oncall.note")} onClose={() => setNoting(false)} onDone={(text) => (note.mutate(text), setNoting(false))} />}
    </li>
  );
}

function DutyPart({ duty }: { duty: Duty }) {
  const { t } = useWords();
  const client = useQueryClient();
  const explain = useExplain();
  const [handing, setHanding] = useState<number | null>(null);
  const act = useMutation({
    mutationFn: ({ path, body }: { path: string; body: object; said: string }) => post(path, body),
    onSuccess: (_, { said }) => toast(said),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["oncall"] }),
  });
  return (
    <>
      {duty.swaps.map((swap) => (
        <section key={swap.id} className="panel oncall-card">
          <h2>{t("oncall.swaps")}</h2>
          <p>
            <Text>{swap.asked_by}</Text> · <Text>{swap.team}</Text>: <Time at={swap.start} /> – <Time at={swap.end} /> {swap.note && <Text>{swap.note}</Text>}
          </p>
          <div className="oncall-more">
            <ActButton tone="main" onClick={() => act.mutate({ path: `/duty/swaps/${swap.id}/answer`, body: { agree: true }, said: t("notices.saved") })}>
              {t("oncall.agree")}
            </ActButton>
            <ActButton onClick={() => act.mutate({ path: `/duty/swaps/${swap.id}/answer`, body: { agree: false }, said: t("notices.saved") })}>{t("oncall.decline")}</ActButton>
          </div>
        </section>
      ))}
      {duty.teams.map((team) => (
        <section key={team.team_id} className="panel oncall-card">
          <h2>{team.me ? t("oncall.onDuty", { team: team.team }) : team.on_duty ? t("oncall.offDuty", { team: team.team, name: team.on_duty.name }) : t("oncall.gap", { team: team.team, name: team.lead.name })}</h2>
          {team.until && (
            <p className="muted">
              {t("oncall.until")} <Time at={team.until} />
            </p>
          )}
          {team.handover && (
            <p>
              <span className="muted">{t("roster.handover")}:</span> <Text>{team.handover.by}</Text>, <Time at={team.handover.at} short />: <Text>{team.handover.text}</Text>
            </p>
          )}
          {team.next.length > 0 && (
            <details>
              <summary>{t("oncall.mine")}</summary>
              <ul className="lines">
                {team.next.map((span) => (
                  <li key={span.start}>
                    <Time at={span.start} /> – <Time at={span.end} />{" "}
                    {team.members.some((member) => member.id !== span.person?.id) && Date.parse(span.start) > Date.now() && (
                      <select aria-label={t("oncall.askSwap")} value="" onChange={(event) => act.mutate({ path: `/duty/now/${team.team_id}/swap`, body: { to: Number(event.target.value), start: span.start, end: span.end }, said: t("oncall.asked") })}>
                        <option value="">{t("oncall.askSwap")}</option>
                        {team.members
                          .filter((member) => member.id !== span.person?.id)
                          .map((member) => (
                            <option key={member.id} value={member.id}>
                              {member.name}
                            </option>
                          ))}
                      </select>
                    )}
                  </li>
                ))}
              </ul>
            </details>
          )}
          <div className="oncall-more">
            <ActButton onClick={() => setHanding(team.team_id)}>{t("oncall.handover")}</ActButton>
            {numberIn(team.lead_phone) && (
              <a className="button" href={`tel:${numberIn(team.lead_phone) ?? ""}`}>
                {t("oncall.callLead", { name: team.lead.name })}
              </a>
            )}
          </div>
        </section>
      ))}
      {handing !== null && (
        <NoteDialog
          title={t("oncall.handover")}
          label={t("oncall.handoverText")}
          send={t("oncall.handover")}
          onClose={() => setHanding(null)}
          onDone={(text) => {
            act.mutate({ path: `/duty/now/${handing}/handover`, body: { text }, said: t("oncall.handed") });
            setHanding(null);
          }}
        />
      )}
    </>
  );
}

function ReachForm({ reach }: { reach: Reach }) {
  const { t } = useWords();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (body: object) => call("PUT", "/duty/me", { body }),
    onSuccess: () => {
      toast(t("notices.saved"));
      void client.invalidateQueries({ queryKey: ["oncall", "me"] });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const both = text("from") !== "" && text("until") !== "";
    save.mutate({ mail: text("mail"), phone: text("phone"), quiet_from: both ? minutes(text("from")) : null, quiet_until: both ? minutes(text("until")) : null });
  };
  const shown = (value: number | null | undefined) => (typeof value === "number" ? clock(value) : "");
  return (
    <details className="panel oncall-card">
      <summary>{t("oncall.reach")}</summary>
      <form className="notice-form" onSubmit={submit}>
        <label className="field">
          <span>{t("oncall.mail")}</span>
          <input name="mail" type="email" maxLength={254} autoComplete="email" defaultValue={reach.mail} />
        </label>
        <label className="field">
          <span>{t("oncall.phone")}</span>
          <input name="phone" type="tel" maxLength={32} autoComplete="tel" defaultValue={reach.phone} />
        </label>
        <fieldset className="notice-wide notice-checks">
          <legend>{t("oncall.quiet")}</legend>
          <input name="from" type="time" aria-label={t("roster.from")} defaultValue={shown(reach.quiet_from)} />
          <input name="until" type="time" aria-label={t("roster.until")} defaultValue={shown(reach.quiet_until)} />
        </fieldset>
        {save.isError && <Trouble error={save.error} />}
        <ActButton type="submit" className="notice-wide" disabled={save.isPending}>
          {t("notices.save")}
        </ActButton>
      </form>
    </details>
  );
}

function OnCall() {
  const { t, pick } = useWords();
  const { can } = useSession();
  const mine = useQuery({ queryKey: ["oncall", "mine"], queryFn: ({ signal }) => get<List>("/duty/mine", {}, signal), refetchInterval: EVERY_MS });
  const duty = useQuery({ queryKey: ["oncall", "duty"], queryFn: ({ signal }) => get<Duty>("/duty/now", {}, signal), refetchInterval: 60_000 });
  const reach = useQuery({ queryKey: ["oncall", "me"], queryFn: ({ signal }) => get<Reach>("/duty/me", {}, signal) });
  const working = useQuery({
    queryKey: ["oncall", "alerts"],
    queryFn: ({ signal }) => get<Page<Alert>>("/alerts", { assignee: "me", status: "open", limit: 20 }, signal),
    enabled: can("alerts.read"),
    refetchInterval: 60_000,
  });
  useTitle(t("oncall.title"), mine.data?.total ?? 0);
  return (
    <div className="page oncall">
      <header className="page-head page-head-row">
        <h1>{t("oncall.title")}</h1>
      </header>
      <Ask query={mine} rows={3}>
        {(list) =>
          list.items.length === 0 ? (
            <Empty kind="done" title={t("oncall.empty")}>
              {t("oncall.emptyWhy")}
            </Empty>
          ) : (
            <ul className="notice-cards">
              {list.items.map((item) => (
                <Card key={item.id} item={item} />
              ))}
            </ul>
          )
        }
      </Ask>
      {working.data && working.data.items.length > 0 && (
        <section className="panel oncall-card">
          <h2>{t("oncall.assigned")}</h2>
          <ul className="lines">
            {working.data.items.map((alert) => (
              <li key={alert.id}>
                <a className="line-button" href={href(`/alerts/${alert.id}`)}>
                  <Severity level={alert.level} /> <span className="figures">{alert.id}</span> <Text>{pick(alert.title)}</Text>
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
      {duty.data && <DutyPart duty={duty.data} />}
      {reach.data && <ReachForm key={JSON.stringify(reach.data)} reach={reach.data} />}
    </div>
  );
}

export const view: View = {
  path: "/oncall",
  title: "oncall.title",
  permission: null,
  Component: OnCall,
  rail: { group: "watch", order: 9, icon: "phone", key: "w" },
};
