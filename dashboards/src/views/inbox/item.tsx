// One raised item: who raised it, its indicators and who shares them, its alerts as sent, the words exchanged.
import { type InfiniteData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import type { Both, Page, Raised, RaisedDetail } from "../../api/types";
import { refOf, useAgencyName } from "../../app/names";
import { href } from "../../app/route";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Fields, flatten } from "../../parts/event";
import { Ask, Panel, useExplain } from "../../parts/panel";
import { LEVELS, Severity } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Words } from "../../parts/words";
import { NoteDialog } from "../alerts/dialogs";
import { RaisedLead } from "./lead";
import type { Level } from "../../api/types";

export function RaisedHeading({ raised, level: Heading = "h2" }: { raised: Raised; level?: "h1" | "h2" }) {
  const { t } = useWords();
  const tone = { new: "warn", acknowledged: "ok" } as const;
  return (
    <>
      <p className="overline">
        <Severity level={raised.level} pill />
        <span className="figures" title={raised.item_id}>
          {refOf(raised.item_id)}
        </span>
        <Tag tone={tone[raised.state]}>{t(`raisedState.${raised.state}`)}</Tag>
      </p>
      <Heading className="alert-title">
        <Text>{raised.title}</Text>
      </Heading>
      <p className="muted">
        <Text>{raised.agency_name || raised.agency}</Text> · {t("inbox.receivedAt")} <Time at={raised.received_at} />
      </p>
    </>
  );
}

export function useAcknowledge() {
  const { t } = useWords();
  const { can, me } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const [question, setQuestion] = useState<{ raised: Raised; act: "acknowledge" | "note" } | null>(null);
  const may = can("inbox.work");
  const patch = (id: string, change: (raised: Raised) => Raised) => {
    client.setQueriesData<InfiniteData<Page<Raised>>>({ queryKey: ["inbox"] }, (found) =>
      found && { ...found, pages: found.pages.map((page) => ({ ...page, items: page.items.map((raised) => (raised.id === id ? change(raised) : raised)) })) },
    );
    client.setQueryData<RaisedDetail>(["raised", id], (found) => found && { ...found, ...change(found) });
  };
  const send = useMutation({
    mutationFn: ({ raised, act, text }: { raised: Raised; act: "acknowledge" | "note"; text: string }) =>
      post<Raised>(`/inbox/${encodeURIComponent(raised.id)}/${act}`, text ? { text } : {}),
    onMutate: ({ raised, act }) => {
      if (act === "acknowledge") patch(raised.id, (now) => ({ ...now, state: "acknowledged", acknowledged: { at: new Date().toISOString(), by: me.user.name } }));
    },
    onSuccess: (after, { raised, act }) => {
      // A list asked for while the act was under way may hold the state from before it.
      patch(raised.id, (now) => (after.revision < now.revision ? now : { ...now, state: after.state, acknowledged: after.acknowledged, revision: after.revision }));
      toast(`${t(act === "acknowledge" ? "inbox.done.acknowledge" : "inbox.done.note")} · ${refOf(raised.item_id)}`);
    },
    onError: (error, { raised }) => {
      patch(raised.id, () => raised);
      toast(explain(error).text, { bad: true });
    },
    onSettled: (_data, _error, { raised }) => {
      void client.invalidateQueries({ queryKey: ["raised", raised.id] });
      void client.invalidateQueries({ queryKey: ["inbox-head"] });
    },
  });
  const ask = (raised: Raised, act: "acknowledge" | "note") => {
    if (act === "note" || raised.state === "new") setQuestion({ raised, act });
  };
  const buttons = (raised: Raised) =>
    may && (
      <div className="acts">
        {raised.state === "new" && (
          <ActButton tone="main" hint="a" onClick={() => ask(raised, "acknowledge")}>
            {t("act.acknowledge")}
          </ActButton>
        )}
        <ActButton hint="c" onClick={() => ask(raised, "note")}>
          {t("act.tellAgency")}
        </ActButton>
      </div>
    );
  const dialog = question && (
    <NoteDialog
      title={t(question.act === "acknowledge" ? "inbox.acknowledge.title" : "inbox.note.title")}
      label={t(question.act === "acknowledge" ? "inbox.acknowledge.label" : "inbox.note.label", { agency: question.raised.agency_name || question.raised.agency })}
      send={t(question.act === "acknowledge" ? "act.acknowledge" : "act.tellAgency")}
      optional={question.act === "acknowledge"}
      onClose={() => setQuestion(null)}
      onDone={(text) => {
        setQuestion(null);
        send.mutate({ ...question, text });
      }}
    />
  );
  return { may, ask, buttons, dialog };
}

type SentAlert = { id?: string; title?: Both | string; reason?: Both | string; level?: string; first_seen?: string };

export function RaisedBody({ raised }: { raised: Raised }) {
  const { t, pick } = useWords();
  const agencyName = useAgencyName();
  const query = useQuery({
    queryKey: ["raised", raised.id],
    queryFn: ({ signal }) => get<RaisedDetail>(`/inbox/${encodeURIComponent(raised.id)}`, {}, signal),
  });
  const words = (value: Both | string | undefined) => (typeof value === "string" ? value : pick(value));
  const indicators = [...raised.indicators].sort((a, b) => b.shared_with.length - a.shared_with.length);
  return (
    <div className="raised-body">
      <Panel title={t("incident.indicators")}>
        {indicators.length === 0 ? (
          <Empty kind="nothing" title={t("incident.noIndicators")} />
        ) : (
          <ul className="indicators">
            {indicators.map((indicator) => (
              <li key={`${indicator.type} ${indicator.value}`} className={indicator.shared_with.length ? "indicator indicator-shared" : "indicator"}>
                <span className="muted">{indicator.type}</span>
                <a className="figures" href={href("/inbox", { q: indicator.value, state: "all" })}>
                  <Text mono>{indicator.value}</Text>
                </a>
                <Tag>TLP:{indicator.tlp.toUpperCase()}</Tag>
                {indicator.shared_with.length > 0 && (
                  <span className="indicator-agencies">
                    {t("inbox.alsoSeen")} <Text>{indicator.shared_with.map(agencyName).join(" · ")}</Text>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <Ask query={query}>
        {(detail) => {
          const alerts = (Array.isArray(detail.item.alerts) ? detail.item.alerts : []) as SentAlert[];
          return (
            <>
              <RaisedLead raised={detail} />
              {detail.related.length > 0 && (
                <Panel title={t("inbox.related")}>
                  <ul className="lines">
                    {detail.related.map((other) => (
                      <li key={other.id}>
                        <a className="line-button" href={href(`/inbox/${other.id}`)}>
                          <Severity level={other.level} />
                          <strong>
                            <Text>{other.agency_name || other.agency}</Text>
                          </strong>
                          <Text>{other.title}</Text>
                        </a>
                      </li>
                    ))}
                  </ul>
                </Panel>
              )}
              {alerts.length > 0 && (
                <Panel title={t("incident.alerts")} aside={<span className="figures muted">{alerts.length}</span>}>
                  <ol className="timeline">
                    {alerts.map((alert, index) => (
                      <li key={alert.id ?? index}>
                        <Time at={alert.first_seen} />
                        <div>
                          <p>
                            {LEVELS.includes(alert.level as Level) && <Severity level={alert.level as Level} />} <Text>{words(alert.title)}</Text>
                          </p>
                          <p className="muted">
                            <Text>{words(alert.reason)}</Text>
                          </p>
                        </div>
                      </li>
                    ))}
                  </ol>
                </Panel>
              )}
              {typeof detail.item.note === "string" && (
                <Panel title={t("inbox.agencyNote")}>
                  <blockquote className="word">
                    <Text>{detail.item.note}</Text>
                  </blockquote>
                </Panel>
              )}
              <Panel title={t("inbox.words")}>
                <Words words={detail.words} />
              </Panel>
              <Panel title={t("inbox.item")} aside={<span className="muted figures">r{detail.item_revision} · #{detail.sequence}</span>}>
                <details>
                  <summary>{t("inbox.itemAll")}</summary>
                  <Fields fields={flatten(detail.item)} />
                </details>
              </Panel>
            </>
          );
        }}
      </Ask>
    </div>
  );
}
