// /overview — the start page: what needs somebody now, then how the fortnight went, who is on duty, and whether data
// comes. One answer of the server; a tile whose permission is not held is not there. Live: every change of the stream.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { href } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Grade } from "../../parts/grade";
import { Ask, Panel } from "../../parts/panel";
import { LEVELS, Severity } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { Start } from "./start";
import { Trend } from "./trend";
import type { AlertsNow, BackupNow, DutyNow, IncidentsNow, Overview, RaisedNow, SensorsNow, ServicesNow } from "./types";
import "./overview.css";

type Tone = "bad" | "warn" | "ok" | "plain";

/** A number that says whether somebody is needed: big, with its word, and a way to the rows behind it. */
function Tile({ title, to, value, tone, says, children }: { title: string; to: string; value: ReactNode; tone: Tone; says: ReactNode; children?: ReactNode }) {
  return (
    <section className={`tile tile-${tone}`}>
      <h2>
        <a href={to}>{title}</a>
      </h2>
      <p className="tile-value">
        <span className="figures">{value}</span> <span>{says}</span>
      </p>
      {children}
    </section>
  );
}

function AlertsTile({ now }: { now: AlertsNow }) {
  const { t, language } = useWords();
  const grades = [...new Set(now.cells.map(({ grade }) => grade ?? 0))].sort((a, b) => b - a);
  const grave = now.cells.some(({ level }) => level === "critical" || level === "high");
  const of = (level: string, grade: number) => now.cells.find((cell) => cell.level === level && (cell.grade ?? 0) === grade)?.count ?? 0;
  return (
    <Tile title={t("overview.alerts")} to={href("/alerts", { status: "new" })} value={count(now.new, language)} tone={now.new === 0 ? "ok" : grave ? "bad" : "warn"} says={t("overview.unclaimed")}>
      {now.new > 0 && (
        <table className="plain tile-cells">
          <caption className="tile-caption">{t("overview.byLevelGrade")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("column.level")}</th>
              {grades.map((grade) => (
                <th key={grade} scope="col" className="end">
                  {grade ? <Grade grade={grade} /> : <span title={t("inventory.grade.none")}>–</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {LEVELS.filter((level) => now.cells.some((cell) => cell.level === level)).map((level) => (
              <tr key={level}>
                <th scope="row">
                  <Severity level={level} />
                </th>
                {grades.map((grade) => {
                  const found = of(level, grade);
                  return (
                    <td key={grade} className="end figures">
                      {found ? <a href={href("/alerts", { status: "new", level, grade: grade ? String(grade) : "none" })}>{count(found, language)}</a> : <span className="muted">0</span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="tile-more muted">
        {now.oldest_at && (
          <span>
            {t("overview.oldest")} <Ago at={now.oldest_at} />
          </span>
        )}
        <a href={href("/alerts", { assignee: "me" })}>{t("overview.mine", { mine: count(now.mine, language) })}</a>
      </p>
    </Tile>
  );
}

function IncidentsTile({ now }: { now: IncidentsNow }) {
  const { t, language, pick } = useWords();
  return (
    <Tile title={t("overview.incidents")} to={href("/incidents")} value={count(now.open, language)} tone={now.overdue ? "bad" : now.clocks || now.critical ? "warn" : now.open ? "plain" : "ok"} says={t("overview.openIncidents")}>
      <p className="tile-more">
        {now.overdue > 0 && (
          <a href={href("/clocks", { state: "overdue" })}>
            <Tag tone="bad">{t("overview.overdue", { number: count(now.overdue, language) })}</Tag>
          </a>
        )}
        {now.clocks > 0 && <a href={href("/clocks")}>{t("overview.clocks", { number: count(now.clocks, language) })}</a>}
      </p>
      {now.next.length > 0 && (
        <ul className="tile-list">
          {now.next.map((clock) => (
            <li key={clock.id}>
              <a href={clock.incident_id ? href(`/incidents/${clock.incident_id}`) : href("/clocks", { tab: "calendar" })}>
                <Text>{pick(clock.text)}</Text>
              </a>
              <span className={clock.overdue ? "bad-text" : "muted"}>
                <span className="figures">{clock.incident_id ?? clock.period}</span> · {t(clock.overdue ? "overview.wasDue" : "overview.due")} <Time at={clock.due_at} short />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Tile>
  );
}

function ServicesTile({ now }: { now: ServicesNow }) {
  const { t, language } = useWords();
  if (!now.total)
    return (
      <Tile title={t("overview.services")} to={href("/services")} value="–" tone="plain" says={t("overview.noServices")}>
        <p className="tile-more muted">{t("overview.noServicesWhy")}</p>
      </Tile>
    );
  return (
    <Tile title={t("overview.services")} to={href("/services")} value={count(now.down, language)} tone={now.down ? "bad" : now.slow || now.unknown ? "warn" : "ok"} says={t("overview.down", { total: count(now.total, language) })}>
      <p className="tile-more muted">
        {now.slow > 0 && <span>{t("overview.slow", { number: count(now.slow, language) })}</span>}
        {now.unknown > 0 && <span>{t("overview.unknown", { number: count(now.unknown, language) })}</span>}
        {now.maintenance > 0 && <span>{t("overview.maintenance", { number: count(now.maintenance, language) })}</span>}
      </p>
      {now.worst.length > 0 && (
        <ul className="tile-list">
          {now.worst.map((service) => (
            <li key={service.id}>
              <a href={href(`/services/${service.id}`)}>
                <Text>{service.name}</Text>
              </a>
              <span className="muted">
                {t("overview.since")} <Ago at={service.since} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Tile>
  );
}

function SensorsTile({ now }: { now: SensorsNow }) {
  const { t, language } = useWords();
  const away = now.total - now.ok - now.starting;
  if (!now.total)
    return (
      <Tile title={t("overview.sensors")} to={href("/sensors")} value="0" tone="warn" says={t("overview.noSensors")}>
        <p className="tile-more muted">{t("sensor.emptyWhy")}</p>
      </Tile>
    );
  return (
    <Tile title={t("overview.sensors")} to={href("/sensors")} value={count(away, language)} tone={away ? "bad" : now.blind ? "warn" : "ok"} says={t("overview.away", { total: count(now.total, language) })}>
      <p className="tile-more muted">
        {now.blind > 0 && <Tag tone="warn">{t("overview.blind", { number: count(now.blind, language) })}</Tag>}
        {now.starting > 0 && <span>{t("overview.starting", { number: count(now.starting, language) })}</span>}
        <span>
          {t("overview.lastData")} {now.real_at ? <Ago at={now.real_at} /> : t("overview.never")}
        </span>
      </p>
      {now.worst.length > 0 && (
        <ul className="tile-list">
          {now.worst.map((sensor) => (
            <li key={sensor.id}>
              <a href={href(`/sensors/${encodeURIComponent(sensor.id)}`)}>
                <Text>{sensor.name}</Text>
              </a>
              <span className="muted">
                {t(`sensor.state.${sensor.state}`)} · {sensor.heard_at ? <Ago at={sensor.heard_at} /> : <Text>{sensor.agency_name}</Text>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Tile>
  );
}

function RaisedTile({ now }: { now: RaisedNow }) {
  const { t, language } = useWords();
  if (!now.upstream && !now.waiting && !now.refused) return null;
  return (
    <Tile title={t("overview.raised")} to={href("/incidents")} value={count(now.refused, language)} tone={now.refused ? "bad" : now.waiting ? "warn" : "ok"} says={t("overview.refused")}>
      <p className="tile-more muted">
        <span>{t("overview.waiting", { number: count(now.waiting, language) })}</span>
        <span>
          {t("overview.contact")} {now.last_contact_at ? <Ago at={now.last_contact_at} /> : t("overview.never")}
        </span>
      </p>
    </Tile>
  );
}

function BackupTile({ now }: { now: BackupNow }) {
  const { t, pick, language } = useWords();
  const bad = now.problem !== null || now.late;
  const days = now.last_good_at ? Math.floor((Date.now() - Date.parse(now.last_good_at)) / 86_400_000) : null;
  return (
    <Tile title={t("overview.backup")} to={href("/system")} value={days === null ? "–" : count(days, language)} tone={bad ? "bad" : now.target && days !== null ? "ok" : "warn"} says={t(!now.target ? "overview.noTarget" : days === null ? "overview.noBackup" : "overview.daysOld")}>
      <p className="tile-more muted">
        {now.problem && (
          <span className="bad-text">
            <Text>{pick(now.problem)}</Text>
          </span>
        )}
        {now.last_good_at && <Time at={now.last_good_at} short />}
        {now.target && now.last_good_at && <span>{now.last_verified_at ? t("overview.verified") : t("overview.unverified")}</span>}
      </p>
    </Tile>
  );
}

function Duty({ teams }: { teams: readonly DutyNow[] }) {
  const { t } = useWords();
  if (!teams.length)
    return (
      <Empty kind="nothing" title={t("overview.noTeams")} action={<a href={href("/notices", { tab: "roster" })}>{t("overview.makeTeam")}</a>}>
        {t("overview.noTeamsWhy")}
      </Empty>
    );
  return (
    <ul className="tile-list">
      {teams.map((team) => (
        <li key={team.team_id}>
          <span>
            <Text>{team.team}</Text>: {team.now ? <strong><Text>{team.now.name}</Text></strong> : <Tag tone="warn">{t("overview.nobody")}</Tag>}
          </span>
          {team.handover && (
            <span className="muted duty-words">
              “<Text>{team.handover.text}</Text>” – <Text>{team.handover.by}</Text>, <Time at={team.handover.at} short />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Tiles({ now }: { now: Overview }) {
  const { t, language } = useWords();
  const { me } = useSession();
  const nothing = !now.alerts && !now.incidents && !now.services && !now.sensors && !now.backup && !now.duty && !now.inbox;
  // Until the first alert the way there comes first; afterwards what needs somebody does.
  const fresh = now.start?.some((step) => step.key === "alert" && !step.done) ?? false;
  if (nothing)
    return (
      <Empty kind="forbidden" title={t("overview.noRole")}>
        {t("frame.noRoles", { name: me.user.username })} {t("nav.forbiddenWhy")}
      </Empty>
    );
  return (
    <>
      {now.failed.length > 0 && (
        <p className="trouble" role="alert">
          {t("overview.failed", { parts: now.failed.map((part) => t(`overview.part.${part}` as "overview.part.alerts", { defaultValue: part })).join(", ") })}
        </p>
      )}
      {fresh && now.start && <Start steps={now.start} />}
      <div className="now">
        {now.inbox && (
          <Tile title={t("nav.inbox")} to={href("/inbox")} value={count(now.inbox.new, language)} tone={now.inbox.new ? "warn" : "ok"} says={t("overview.toAcknowledge")}>
            {now.inbox.oldest_at && (
              <p className="tile-more muted">
                <span>
                  {t("overview.oldest")} <Ago at={now.inbox.oldest_at} />
                </span>
              </p>
            )}
          </Tile>
        )}
        {now.alerts && <AlertsTile now={now.alerts} />}
        {now.incidents && <IncidentsTile now={now.incidents} />}
        {now.services && <ServicesTile now={now.services} />}
        {now.sensors && <SensorsTile now={now.sensors} />}
        {now.raised && <RaisedTile now={now.raised} />}
        {now.backup && <BackupTile now={now.backup} />}
      </div>
      {!fresh && now.start && <Start steps={now.start} />}
      <div className="overview-below">
        {now.trend && (
          <Panel title={t("overview.trend")}>
            <Trend days={now.trend} />
          </Panel>
        )}
        {now.duty && (
          <Panel title={t("overview.duty")}>
            <Duty teams={now.duty} />
          </Panel>
        )}
      </div>
    </>
  );
}

function OverviewPage() {
  const { t } = useWords();
  const { me } = useSession();
  const query = useQuery({ queryKey: ["overview"], queryFn: ({ signal }) => get<Overview>("/overview", {}, signal), refetchInterval: 30_000 });
  useTitle(t("overview.title"), query.data?.alerts?.new ?? 0);
  useKeys({ r: { label: "keys.refresh", run: () => void query.refetch() } });
  return (
    <div className="page page-wide overview">
      <header className="page-head page-head-row">
        <h1>{t("overview.title")}</h1>
        <span className="muted overview-node">
          <Text>{me.node.name}</Text>
        </span>
        <div className="spread" />
        {query.data && (
          <span className="muted">
            {t("overview.asOf")} <Time at={query.data.as_of} short />
          </span>
        )}
      </header>
      <Ask query={query} rows={8}>
        {(now) => <Tiles now={now} />}
      </Ask>
    </div>
  );
}

export const view: View = {
  path: "/overview",
  title: "overview.title",
  permission: null,
  Component: OverviewPage,
  rail: { group: "watch", order: -1, icon: "overview", key: "o" },
};
