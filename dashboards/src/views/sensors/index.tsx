// /sensors — one truth per sensor, taken from the data it sent: three lamps, what came by hour, what was lost. Its page has
// each stream and source. Enrolment by one line; revocation with a reason.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { components } from "#schema";
import { get } from "../../api/client";
import type { Sensor } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count, folded } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { Ask } from "../../parts/panel";
import { Spark } from "../../parts/spark";
import { Text } from "../../parts/text";
import { Ago } from "../../parts/time";
import { Enrol, Revoke } from "./enrol";
import { Certificate, hoursOf, Kind, Lamps, lost, rateOf, State, type Thresholds, useMinutes, versionOf } from "./parts";

const STATES = ["silent", "never", "quiet", "starting", "ok", "revoked"] as const;
type Sensors = components["schemas"]["Sensors"];

/** Until when what counts as what, in one line under the title: nobody has to guess a threshold. */
function Limits({ at }: { at: Thresholds }) {
  const { t } = useWords();
  const minutes = useMinutes();
  return <p className="muted sensor-limits">{t("sensor.limits", { start: minutes(at.start_s), quiet: minutes(at.quiet_s), silent: minutes(at.silent_s), data: minutes(at.data_warn_s), ahead: minutes(at.ahead_s), behind: minutes(at.behind_s) })}</p>;
}

function SensorsPage() {
  const { t, language } = useWords();
  const { can } = useSession();
  const [filters, setFilters] = useFilters();
  const query = useQuery({ queryKey: ["sensors"], queryFn: ({ signal }) => get<Sensors>("/sensors", {}, signal), refetchInterval: 30_000 });
  const [cursor, setCursor] = useState<string | null>(null);
  const [enrolling, setEnrolling] = useState(false);
  const [revoking, setRevoking] = useState<Sensor | null>(null);
  useTitle(t("nav.sensors"));
  useKeys({ r: { label: "keys.refresh", run: () => void query.refetch() } });
  const state = filters.get("state") ?? "";
  const q = filters.get("q") ?? "";
  const all = query.data?.items ?? [];
  const rows = useMemo(() => {
    const wanted = folded(q).split(/\s+/).filter(Boolean);
    return all
      .filter((sensor) => (state ? sensor.state === state : sensor.state !== "revoked"))
      .filter((sensor) => wanted.every((word) => folded(`${sensor.name} ${sensor.agency_name} ${sensor.agency}`).includes(word)))
      .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
  }, [all, state, q]);
  const manage = can("sensors.manage");
  const several = useMemo(() => new Set(all.map((sensor) => sensor.agency)).size > 1, [all]);
  const columns = useMemo<Column<Sensor>[]>(
    () => [
      { id: "state", header: t("column.status"), width: "128px", sort: (sensor) => STATES.indexOf(sensor.state), cell: (sensor) => <State sensor={sensor} /> },
      { id: "lamps", header: t("sensor.lampsShort"), width: "92px", cell: (sensor) => <Lamps sensor={sensor} /> },
      {
        id: "name",
        header: t("column.sensor"),
        width: "minmax(118px, 1fr)",
        sort: (sensor) => sensor.name,
        cell: (sensor) => (
          <span className="two-lines">
            <span className="one-line">
              <a className="row-title" href={href(`/sensors/${encodeURIComponent(sensor.id)}`)}>
                <Text>{sensor.name}</Text>
              </a>
              {sensor.flagged && (
                <span className="tag tag-bad" title={t("sensor.flaggedWhy")}>
                  {t("sensor.flagged")} <Text mono>{sensor.claimed ?? ""}</Text>
                </span>
              )}
            </span>
            <Kind sensor={sensor} />
          </span>
        ),
      },
      ...(several ? [{ id: "agency", header: t("column.agency"), width: "minmax(150px, 260px)", from: 700, sort: (sensor: Sensor) => sensor.agency_name, cell: (sensor: Sensor) => <Text>{sensor.agency_name}</Text> }] : []),
      { id: "last", header: t("column.lastData"), width: "128px", from: 480, sort: (sensor) => sensor.real_at ?? "", cell: (sensor) => <Ago at={sensor.real_at} /> },
      { id: "day", header: t("column.day"), width: "112px", from: 820, sort: (sensor) => hoursOf(sensor).reduce((sum, value) => sum + value, 0), cell: (sensor) => <Spark values={hoursOf(sensor)} /> },
      { id: "rate", header: t("sensor.rate"), width: "92px", end: true, from: 640, sort: (sensor) => hoursOf(sensor)[22] ?? 0, cell: (sensor) => <span className="figures">{rateOf(hoursOf(sensor), language)}</span> },
      { id: "lost", header: t("sensor.lost"), width: "84px", end: true, from: 760, sort: lost, cell: (sensor) => (lost(sensor) ? <Tag tone="warn">{count(lost(sensor), language)}</Tag> : <span className="figures muted">0</span>) },
      { id: "version", header: t("sensor.version"), width: "96px", from: 1120, sort: versionOf, cell: (sensor) => <span className="figures">{versionOf(sensor) || "—"}</span> },
      { id: "certificate", header: t("sensor.certificate"), width: "112px", from: 900, sort: (sensor) => sensor.certificate_expires_at ?? "", cell: (sensor) => <Certificate sensor={sensor} /> },
      ...(manage
        ? [
            {
              id: "acts",
              header: "",
              width: "92px",
              from: 560,
              cell: (sensor: Sensor) =>
                !sensor.revoked_at && (
                  <ActButton tone="quiet" onClick={() => setRevoking(sensor)}>
                    {t("act.revoke")}
                  </ActButton>
                ),
            },
          ]
        : []),
    ],
    [t, language, manage, several],
  );
  const filtered = Boolean(state || q);
  return (
    <div className="page page-list">
      <header className="page-head">
        <div className="page-head-row">
          <h1>{t("nav.sensors")}</h1>
          <input className="search" type="search" aria-label={t("sensor.search")} placeholder={t("sensor.search")} maxLength={200} value={q} onChange={(event) => setFilters({ q: event.target.value || null })} />
          <div className="chips" role="group" aria-label={t("column.status")}>
            {STATES.map((one) => {
              const found = all.filter((sensor) => sensor.state === one).length;
              return found || state === one ? (
                <button key={one} type="button" className="chip" aria-pressed={state === one} onClick={() => setFilters({ state: state === one ? null : one })}>
                  {t(`sensor.state.${one}`)} <span className="figures">{count(found, language)}</span>
                </button>
              ) : null;
            })}
          </div>
          <div className="spread" />
          {manage && (
            <ActButton tone="main" onClick={() => setEnrolling(true)}>
              {t("enrol.title")}
            </ActButton>
          )}
        </div>
        {query.data && <Limits at={query.data.thresholds} />}
      </header>
      <Ask query={query} rows={8}>
        {() => (
          <Grid
            label={t("nav.sensors")}
            rows={rows}
            columns={columns}
            idOf={(sensor) => sensor.id}
            cursor={cursor}
            onCursor={setCursor}
            onOpen={(sensor, apart) => (apart ? window.open(href(`/sensors/${encodeURIComponent(sensor.id)}`), "_blank", "noopener") : go(href(`/sensors/${encodeURIComponent(sensor.id)}`)))}
            rowHeight={44}
            empty={
              filtered && all.length > 0 ? (
                <Empty kind="filtered" title={t("sensor.noMatch")} action={<ActButton onClick={() => setFilters({ state: null, q: null })}>{t("filter.clear")}</ActButton>} />
              ) : (
                <Empty kind="nothing" title={t("sensor.empty")} action={manage ? <ActButton onClick={() => setEnrolling(true)}>{t("enrol.title")}</ActButton> : undefined}>
                  {t("sensor.emptyWhy")}
                </Empty>
              )
            }
          />
        )}
      </Ask>
      {enrolling && <Enrol onClose={() => setEnrolling(false)} />}
      {revoking && <Revoke sensor={revoking} onClose={() => setRevoking(null)} />}
    </div>
  );
}

export const view: View = {
  path: "/sensors",
  title: "nav.sensors",
  permission: "sensors.read",
  Component: SensorsPage,
  rail: { group: "estate", order: 4, icon: "sensor", key: "c" },
};
