// /incidents/:id — what happened in order, its alerts and indicators, its state, its way to the centre and the answer.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../api/client";
import type { Incident, IncidentState } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { useAgencyName } from "../app/names";
import { go, href } from "../app/route";
import { useSession } from "../app/session";
import { toast } from "../app/toasts";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { DeliveryWay } from "../parts/delivery";
import { Empty } from "../parts/empty";
import { SystemTag } from "../parts/grade";
import { History } from "../parts/history";
import { Icon } from "../parts/icons";
import { Ask, Panel, useExplain } from "../parts/panel";
import { Severity } from "../parts/severity";
import { Table } from "../parts/table";
import { Text } from "../parts/text";
import { Time } from "../parts/time";
import { Value } from "../parts/value";
import { Words } from "../parts/words";
import { useAlert } from "./alerts/detail";
import { NoteDialog } from "./alerts/dialogs";
import { Handover } from "./incidents/handover";
import { IncidentLead } from "./incidents/lead";
import { IncidentDeadlines } from "./clocks/panel";

const STATES: readonly IncidentState[] = ["open", "investigating", "contained", "resolved", "closed"];
const FIELD_OF: Record<string, string> = { ipv4: "destination.ip", ipv6: "destination.ip", domain: "dns.question.name", url: "url.full", sha256: "file.hash.sha256" };

function IncidentPage({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const id = params.id ?? "";
  const query = useQuery({
    queryKey: ["incident", id],
    queryFn: ({ signal }) => get<Incident>(`/incidents/${encodeURIComponent(id)}`, {}, signal),
  });
  useTitle(query.data ? `${query.data.id} ${query.data.title}` : t("nav.incidents"));
  const back = () => go(href("/incidents"));
  useKeys({ u: { label: "keys.back", run: back }, Escape: { run: back } });
  return (
    <div className="page page-wide">
      <p>
        <a href={href("/incidents")}>← {t("nav.incidents")}</a>
      </p>
      <Ask query={query} rows={8}>
        {(incident) => <Whole incident={incident} />}
      </Ask>
    </div>
  );
}

// The incident names its alerts; who and what each was about comes with the alert itself, asked for the first ones only.
const TOLD_WHOLE = 20;
const ENTITIES_SHOWN = 6;

function Step({ alert, whole }: { alert: Incident["alerts"][number]; whole: boolean }) {
  const { t, pick } = useWords();
  const detail = useAlert(alert.id, whole);
  const entities = Object.entries(detail.data?.entities ?? {})
    .filter(([field]) => !field.endsWith(".port"))
    .flatMap(([field, values]) => values.map((value) => [field, value] as const))
    .slice(0, ENTITIES_SHOWN);
  return (
    <li>
      <Time at={alert.first_seen} />
      <div>
        <p>
          <Severity level={alert.level} />{" "}
          <a href={href(`/alerts/${alert.id}`)}>
            <Text>{pick(alert.title)}</Text>
          </a>
        </p>
        {detail.data && (
          <p>
            <Text>{pick(detail.data.reason)}</Text>
          </p>
        )}
        <p className="values step-values">
          {entities.map(([field, value]) => (
            <Value key={`${field} ${value}`} field={field} value={value} />
          ))}
          <span className="muted">
            {t("incident.alertCount", { count: alert.count })} · <span className="figures">{alert.id}</span>
          </span>
        </p>
      </div>
    </li>
  );
}

function Whole({ incident }: { incident: Incident }) {
  const { t } = useWords();
  const agencyName = useAgencyName();
  const { can, me } = useSession();
  const explain = useExplain();
  const client = useQueryClient();
  const [question, setQuestion] = useState<"note" | "raise" | IncidentState | null>(null);
  const path = `/incidents/${encodeURIComponent(incident.id)}`;
  const send = useMutation({
    mutationFn: ({ act, body }: { act: string; body: object; undo?: IncidentState }) => post<Incident>(`${path}/${act}`, body),
    onSuccess: (after, { act, undo }) => {
      if (after && "state" in after) client.setQueryData(["incident", incident.id], after);
      void client.invalidateQueries({ queryKey: ["incident", incident.id] });
      void client.invalidateQueries({ queryKey: ["incidents"] });
      // Raising what has not changed sends nothing: say so instead of claiming it.
      if (act === "raise" && after.delivery && after.delivery.sequence === incident.delivery?.sequence) {
        toast(t("incident.done.same"));
        return;
      }
      const back = undo ? { undo: () => send.mutate({ act: "state", body: { state: undo, note: t("act.undone") } }) } : {};
      toast(`${t(`incident.done.${act === "raise" ? "raise" : act === "note" ? "note" : "state"}`)} · ${incident.id}`, back);
    },
    onError: (error) => {
      toast(explain(error).text, { bad: true });
      void client.invalidateQueries({ queryKey: ["incident", incident.id] });
    },
  });
  const work = can("incidents.work");
  const mayRaise = can("incidents.raise") && me.node.role === "agency";
  useKeys({
    ...(work ? { c: { label: "keys.note", run: () => setQuestion("note") } } : {}),
  });
  const setState = (state: IncidentState) => {
    if (state === incident.state) return;
    if (state === "closed" || incident.state === "closed") setQuestion(state);
    else send.mutate({ act: "state", body: { state }, undo: incident.state });
  };
  return (
    <>
      <header className="page-head">
        <p className="overline">
          <Severity level={incident.level} pill />
          <span className="figures">{incident.id}</span>
          <Tag tone={incident.state === "closed" ? "ok" : "info"}>{t(`incidentState.${incident.state}`)}</Tag>
          {incident.system && <SystemTag system={incident.system} />}
        </p>
        <h1>
          <Text>{incident.title}</Text>
        </h1>
        <div className="acts">
          {work && (
            <label className="inline-field">
              <span>{t("incident.state")}</span>
              <select value={incident.state} onChange={(event) => !send.isPending && setState(event.target.value as IncidentState)} aria-disabled={send.isPending}>
                {STATES.map((state) => (
                  <option key={state} value={state}>
                    {t(`incidentState.${state}`)}
                  </option>
                ))}
              </select>
            </label>
          )}
          {work && (
            <ActButton hint="c" onClick={() => setQuestion("note")}>
              {t("act.note")}
            </ActButton>
          )}
          {mayRaise && (
            <ActButton tone={incident.delivery ? "plain" : "main"} disabled={send.isPending} onClick={() => setQuestion("raise")}>
              <Icon name="send" /> {t(incident.delivery ? "incident.raiseAgain" : "act.raise")}
            </ActButton>
          )}
        </div>
      </header>
      <div className="columns">
        <div>
          <Panel title={t("incident.alerts")} aside={<span className="figures muted">{incident.alerts.length}</span>}>
            {incident.alerts.length === 0 ? (
              <Empty kind="nothing" title={t("incident.noAlerts")} />
            ) : (
              <ol className="timeline">
                {[...incident.alerts]
                  .sort((a, b) => a.first_seen.localeCompare(b.first_seen))
                  .map((alert, index) => (
                    <Step key={alert.id} alert={alert} whole={index < TOLD_WHOLE} />
                  ))}
              </ol>
            )}
          </Panel>
          <Panel title={t("incident.indicators")}>
            {incident.indicators.length === 0 ? (
              <Empty kind="nothing" title={t("incident.noIndicators")} />
            ) : (
              <Table>
                <tbody>
                  {incident.indicators.map((indicator) => (
                    <tr key={`${indicator.type} ${indicator.value}`}>
                      <td>{indicator.type}</td>
                      <td>
                        <Value field={FIELD_OF[indicator.type] ?? "message"} value={indicator.value} />
                      </td>
                      <td>
                        <Tag>TLP:{indicator.tlp.toUpperCase()}</Tag>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )}
          </Panel>
          <History path={`${path}/history`} queryKey={["incident", incident.id, "history"]} />
        </div>
        <div>
          <IncidentDeadlines id={incident.id} />
          <Panel title={t("delivery.title")} className="delivery">
            {incident.delivery ? (
              <DeliveryWay delivery={incident.delivery} />
            ) : (
              <Empty kind="nothing" title={t("delivery.none")}>
                {t(mayRaise ? "delivery.noneWhy" : "delivery.noneMay")}
              </Empty>
            )}
          </Panel>
          <IncidentLead id={incident.id} />
          <Panel title={t("words.title")}>
            <Words words={incident.words} />
          </Panel>
          <Panel title={t("alert.facts")}>
            <dl className="facts">
              <div>
                <dt>{t("column.coordinator")}</dt>
                <dd>
                  <Text>{incident.coordinator.name}</Text>
                  <Handover id={incident.id} open={incident.state !== "closed"} />
                </dd>
              </div>
              <div>
                <dt>{t("alert.agency")}</dt>
                <dd>
                  <span title={incident.agency}>
                    <Text>{agencyName(incident.agency)}</Text>
                  </span>
                </dd>
              </div>
              <div>
                <dt>{t("alert.first")}</dt>
                <dd>
                  <Time at={incident.first_seen} />
                </dd>
              </div>
              <div>
                <dt>{t("alert.last")}</dt>
                <dd>
                  <Time at={incident.last_seen} since />
                </dd>
              </div>
              <div>
                <dt>{t("incident.opened")}</dt>
                <dd>
                  <Time at={incident.created_at} />
                </dd>
              </div>
              {incident.closed_at && (
                <div>
                  <dt>{t("incident.closed")}</dt>
                  <dd>
                    <Time at={incident.closed_at} />
                  </dd>
                </div>
              )}
            </dl>
          </Panel>
        </div>
      </div>
      {question && (
        <NoteDialog
          title={question === "note" ? t("note.title") : question === "raise" ? t("raise.title") : t("incident.stateTitle", { state: t(`incidentState.${question}`) })}
          label={question === "raise" ? t("raise.label") : t("note.label")}
          send={question === "note" ? t("act.note") : question === "raise" ? t("act.raise") : t("act.confirm")}
          optional={question !== "note"}
          onClose={() => setQuestion(null)}
          onDone={(text) => {
            setQuestion(null);
            if (question === "note") send.mutate({ act: "note", body: { text } });
            else if (question === "raise") send.mutate({ act: "raise", body: text ? { note: text } : {} });
            else send.mutate({ act: "state", body: { state: question, ...(text ? { note: text } : {}) }, undo: incident.state });
          }}
        />
      )}
    </>
  );
}

export const view: View = { path: "/incidents/:id", title: "incident.page", permission: "incidents.read", Component: IncidentPage };
