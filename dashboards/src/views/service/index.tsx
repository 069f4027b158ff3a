// /services/:id — one service: its minutes and days, answer times, outages with what went with them, planned work.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { get, post } from "../../api/client";
import type { Incident } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { go, href } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import { toast } from "../../app/toasts";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Panel, useExplain } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { NoteDialog } from "../alerts/dialogs";
import { DayBar, Legend, MinuteBar } from "../services/bars";
import { PlanDialog, WindowTable } from "../services/plan";
import type { Outage, ServiceFull } from "../services/types";
import { CertificateDays, Latency, percent, Share, StateTag, useReason } from "../services/words";

const LatencyChart = lazy(() => import("./latency"));

function ServicePage({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const id = params.id ?? "";
  const query = useQuery({
    queryKey: ["service", id],
    queryFn: ({ signal }) => get<ServiceFull>(`/services/${encodeURIComponent(id)}`, {}, signal),
    refetchInterval: 30_000,
  });
  useTitle(query.data?.name ?? t("services.page"));
  const back = () => go(href("/services"));
  useKeys({ u: { label: "keys.back", run: back }, Escape: { run: back }, r: { label: "keys.refresh", run: () => void query.refetch() } });
  return (
    <div className="page page-wide">
      <p>
        <a href={href("/services")}>← {t("services.title")}</a>
      </p>
      <Ask query={query} rows={8}>
        {(service) => <Whole service={service} />}
      </Ask>
    </div>
  );
}

function Whole({ service }: { service: ServiceFull }) {
  const { t, language } = useWords();
  const agencyName = useAgencyName();
  const { can } = useSession();
  const explain = useExplain();
  const client = useQueryClient();
  const reason = useReason();
  const [asking, setAsking] = useState<"plan" | "retire" | null>(null);
  const retire = useMutation({
    mutationFn: (note: string) => post(`/services/${encodeURIComponent(service.id)}/retire`, note ? { note } : {}),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["services"] });
      toast(t("services.retired"));
      go(href("/services"));
    },
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const manage = can("services.manage");
  return (
    <>
      <header className="page-head">
        <p className="overline">
          <StateTag state={service.state} />
          {service.observed !== service.state && <StateTag state={service.observed} />}
          <span className="figures">{service.id}</span>
          <span className="muted">
            {t("services.column.since")} <Time at={service.since} since />
          </span>
        </p>
        <h1>
          <Text>{service.name}</Text>
        </h1>
        <p className="muted">
          {t(`services.why.${service.state}`)}
          {service.reason && <>: {reason(service.reason)}</>}
        </p>
        {manage && (
          <div className="acts">
            <ActButton tone="main" onClick={() => setAsking("plan")}>
              {t("services.plan")}
            </ActButton>
            <ActButton onClick={() => setAsking("retire")}>{t("services.retire")}</ActButton>
          </div>
        )}
      </header>
      <div className="columns">
        <div>
          <Panel title={t("services.minutes")}>
            <MinuteBar marks={service.today} />
          </Panel>
          <Panel title={t("services.daysTitle")} aside={<Share of={service.availability} />}>
            <DayBar days={service.days} wide />
            <Legend />
            <p className="muted method">{t("services.method")}</p>
          </Panel>
          <Panel title={t("services.latency")}>
            {service.hours.some((hour) => hour.results > 0) ? (
              <Suspense fallback={<div className="latency-box" aria-busy="true" />}>
                <LatencyChart hours={service.hours} />
              </Suspense>
            ) : (
              <p className="muted">{t("services.latencyNone")}</p>
            )}
          </Panel>
          <Panel title={t("services.outages")} aside={<span className="figures muted">{service.outages.length}</span>}>
            {service.outages.length === 0 ? (
              <Empty kind="done" title={t("services.outagesNone")} />
            ) : (
              <ol className="outages">
                {service.outages.map((outage) => (
                  <One key={outage.id} outage={outage} service={service} />
                ))}
              </ol>
            )}
          </Panel>
          {service.windows.length > 0 && (
            <Panel title={t("services.tab.maintenance")}>
              <WindowTable windows={service.windows} here />
            </Panel>
          )}
        </div>
        <div>
          <Panel title={t("services.facts")}>
            <dl className="facts">
              <Fact name={t("services.column.availability")}>
                <Share of={service.availability} lines />
              </Fact>
              <Fact name={t("services.column.latency")}>
                <Latency ms={service.latency_ms} />
              </Fact>
              {service.slow_ms !== null && (
                <Fact name={t("services.expected")}>
                  <Latency ms={service.slow_ms} />
                </Fact>
              )}
              <Fact name={t("services.column.system")}>
                {service.system ? <Text>{service.system.name}</Text> : "—"}
                {service.grade !== null && (
                  <>
                    {" "}
                    <Tag>
                      {t("services.column.grade")} {service.grade}
                    </Tag>
                  </>
                )}
              </Fact>
              <Fact name={t("services.column.agency")}>
                <Text>{agencyName(service.agency)}</Text>
              </Fact>
              <Fact name={t("services.host")}>
                <Text mono>{service.host || "—"}</Text>
              </Fact>
              <Fact name={t("services.kind")}>
                <Text mono>{service.kind}</Text>
              </Fact>
              {service.certificate_expires_at && (
                <Fact name={t("services.certificateEnds")}>
                  <Time at={service.certificate_expires_at} /> <CertificateDays days={service.certificate_days} at={service.certificate_expires_at} />
                </Fact>
              )}
              <Fact name={t("services.first")}>
                <Time at={service.first_at} />
              </Fact>
            </dl>
          </Panel>
          <Panel title={t("services.vantages")}>
            <Table>
              <thead>
                <tr>
                  <th scope="col">{t("services.column.vantage")}</th>
                  <th scope="col">{t("services.column.state")}</th>
                  <th scope="col">{t("services.column.last")}</th>
                </tr>
              </thead>
              <tbody>
                {service.vantages.map((vantage) => (
                  <tr key={vantage.name}>
                    <td>
                      <Text mono>{vantage.name}</Text>
                    </td>
                    <td>
                      <StateTag state={vantage.state} />
                    </td>
                    <td>
                      <Time at={vantage.last_at} short />
                    </td>
                  </tr>
                ))}
              </tbody>
            </Table>
          </Panel>
          <Panel title={t("services.months")}>
            <Table className="months">
              <thead>
                <tr>
                  <th scope="col">{t("services.column.month")}</th>
                  <th scope="col">%</th>
                  <th scope="col">{t("services.column.lost")}</th>
                  <th scope="col">{t("services.column.watched")}</th>
                  <th scope="col">{t("services.column.planned")}</th>
                </tr>
              </thead>
              <tbody>
                {service.months.toReversed().map((month) => (
                  <tr key={month.month} className="figures">
                    <td>{month.month.split("-").reverse().join("/")}</td>
                    <td>{month.share === null ? "—" : percent(month.share, language)}</td>
                    <td>{count(month.minutes_lost, language)}</td>
                    <td>{count(month.minutes_watched, language)}</td>
                    <td>{count(month.minutes_maintenance, language)}</td>
                  </tr>
                ))}
              </tbody>
            </Table>
          </Panel>
        </div>
      </div>
      {asking === "plan" && <PlanDialog chosen={[service]} onClose={() => setAsking(null)} />}
      {asking === "retire" && (
        <NoteDialog
          title={t("services.retireTitle", { name: service.name })}
          label={t("services.retireLabel")}
          send={t("services.retire")}
          optional
          onClose={() => setAsking(null)}
          onDone={(text) => {
            setAsking(null);
            retire.mutate(text);
          }}
        />
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function One({ outage, service }: { outage: Outage; service: ServiceFull }) {
  const { t } = useWords();
  const { can } = useSession();
  const explain = useExplain();
  const client = useQueryClient();
  const reason = useReason();
  const again = () => {
    for (const key of ["service", "incident", "incidents"]) void client.invalidateQueries({ queryKey: [key] });
  };
  const unlink = useMutation({
    mutationFn: () => post(`/services/${encodeURIComponent(service.id)}/outages/${outage.id}/unlink`, {}),
    onSuccess: () => toast(t("services.unlinked")),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: again,
  });
  const open = useMutation({
    mutationFn: () => post<Incident>("/incidents", { alert_ids: [...(outage.alert_id ? [outage.alert_id] : []), ...outage.related] }),
    onSuccess: (incident) => go(href(`/incidents/${incident.id}`)),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: again,
  });
  const work = can("incidents.work");
  return (
    <li className={outage.until ? "" : "outage-open"}>
      <p className="outage-head">
        <Time at={outage.since} /> → {outage.until ? <Time at={outage.until} /> : <Tag tone="bad">{t("services.open")}</Tag>}
        <span className="figures">{t("services.length", { count: outage.minutes })}</span>
        {outage.reason && <span>{reason(outage.reason)}</span>}
        {outage.flaps > 0 && <span className="muted">{t("services.flaps", { count: outage.flaps })}</span>}
        {outage.maintenance && <Tag tone="info">{t("services.excused")}</Tag>}
        {outage.alert_id && (
          <a className="figures" href={href(`/alerts/${outage.alert_id}`)}>
            {outage.alert_id}
          </a>
        )}
      </p>
      {outage.incident_id && (
        <p className="outage-joined">
          {t("services.joined")}:{" "}
          <a className="figures" href={href(`/incidents/${outage.incident_id}`)}>
            {outage.incident_id}
          </a>{" "}
          {work && (
            <ActButton tone="quiet" disabled={unlink.isPending} onClick={() => unlink.mutate()}>
              {t("services.unlink")}
            </ActButton>
          )}
        </p>
      )}
      {outage.undone && <p className="muted">{t("services.undone")}</p>}
      {outage.related.length > 0 && (
        <p className="outage-joined">
          {t("services.related")}:{" "}
          {outage.related.map((id) => (
            <a key={id} className="figures" href={href(`/alerts/${id}`)}>
              {id}{" "}
            </a>
          ))}
          {work && (
            <ActButton disabled={open.isPending} onClick={() => open.mutate()}>
              {t("services.openIncident")}
            </ActButton>
          )}
        </p>
      )}
    </li>
  );
}

export const view: View = { path: "/services/:id", title: "services.page", permission: "services.read", Component: ServicePage };
