// /national/:code — one agency as its node reports it: connection, sensors, services, systems, what it raised, reminders.
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { get } from "../api/client";
import type { InboxPage } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { refOf } from "../app/names";
import { go, href } from "../app/route";
import { useSession } from "../app/session";
import { count } from "../app/text";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { Empty } from "../parts/empty";
import { useLoose } from "../parts/history";
import { Ask, Panel } from "../parts/panel";
import { Severity } from "../parts/severity";
import { Spark } from "../parts/spark";
import { Text } from "../parts/text";
import { Ago, Time } from "../parts/time";
import "./national/national.css";
import { ReminderDialog } from "./national/reminder";
import { UnitDialog } from "./national/unit";
import { StateWord } from "./national/state";
import type { AgencyState, AgencyWhole } from "./national/types";

type Counts = Record<string, number>;
type Parts = {
  node?: { version?: string; contact?: string; certificate_ends_at?: string | null };
  sensors?: { machines?: number; roles?: Record<string, Counts> };
  services?: Counts & { national_platform_at?: string | null };
  systems?: { kind: string; grade?: number | null; count: number; sensed?: number; last_data_at?: string | null }[];
  rules?: Counts;
  node_health?: { correlator_lag_s?: number | null; casework_lag_s?: number | null; disk_days?: number | null };
  selftest?: { outcome: string; asked_at?: string | null };
};

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Report({ parts }: { parts: Parts }) {
  const { t, language } = useWords();
  const loose = useLoose();
  const health = parts.node_health;
  const lag = Math.max(health?.correlator_lag_s ?? 0, health?.casework_lag_s ?? 0);
  return (
    <>
      <Panel title={t("national.agency.sensors")}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("column.role")}</th>
              <th scope="col">{t("national.agency.ok")}</th>
              <th scope="col">{t("national.agency.quiet")}</th>
              <th scope="col">{t("national.agency.never")}</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(parts.sensors?.roles ?? {}).map(([role, counts]) => (
              <tr key={role}>
                <th scope="row">{loose("sensorRole", role)}</th>
                {["ok", "quiet", "never"].map((state) => (
                  <td key={state} className="figures">
                    {count(counts[state] ?? 0, language)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Panel>
      {parts.systems && parts.systems.length > 0 && (
        <Panel title={t("national.systems.title")}>
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("column.kind")}</th>
                <th scope="col">{t("national.systems.grade")}</th>
                <th scope="col">{t("national.systems.count")}</th>
                <th scope="col">{t("national.systems.sensed")}</th>
              </tr>
            </thead>
            <tbody>
              {parts.systems.map((row) => (
                <tr key={`${row.kind} ${row.grade ?? 0}`}>
                  <th scope="row">{loose("national.kind", row.kind)}</th>
                  <td>{row.grade ?? t("national.systems.ungraded")}</td>
                  <td className="figures">{count(row.count, language)}</td>
                  <td className="figures">{count(row.sensed ?? 0, language)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Panel>
      )}
      <Panel title={t("national.agency.report")}>
        <dl className="facts">
          {parts.services && (
            <Fact name={t("national.agency.services")}>
              {t("national.agency.up")} <span className="figures">{count(parts.services.up ?? 0, language)}</span> · {t("national.agency.slow")}{" "}
              <span className="figures">{count(parts.services.slow ?? 0, language)}</span> · {t("national.agency.down")}{" "}
              <span className="figures">{count(parts.services.down ?? 0, language)}</span>
            </Fact>
          )}
          {parts.rules && (
            <Fact name={t("national.agency.rules")}>
              <span className="figures">{count(parts.rules.running ?? 0, language)}</span>
              {parts.rules.refused ? ` · ${parts.rules.refused} ${t("national.agency.refused")}` : ""}
            </Fact>
          )}
          {health && <Fact name={t("national.agency.lag")}>{t("national.agency.seconds", { value: count(lag, language) })}</Fact>}
          {health?.disk_days != null && <Fact name={t("national.agency.disk")}>{t("national.agency.days", { value: count(health.disk_days, language) })}</Fact>}
          {parts.selftest && (
            <Fact name={t("national.agency.selftest")}>
              {loose("national.agency.outcome", parts.selftest.outcome)} <Ago at={parts.selftest.asked_at} />
            </Fact>
          )}
        </dl>
      </Panel>
    </>
  );
}

function Raised({ agency }: { agency: string }) {
  const { t } = useWords();
  const query = useQuery({ queryKey: ["inbox-of", agency], queryFn: ({ signal }) => get<InboxPage>("/inbox", { agency, state: "all", limit: 10 }, signal) });
  return (
    <Panel title={t("national.raised.ofAgency")}>
      <Ask query={query} rows={2}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty kind="nothing" title={t("inbox.empty.nothing")} />
          ) : (
            <ul className="lines">
              {page.items.map((raised) => (
                <li key={raised.id}>
                  <a className="line-button" href={href(`/inbox/${raised.id}`)}>
                    <Severity level={raised.level} />
                    <span className="figures">{refOf(raised.item_id)}</span>
                    <Text>{raised.title}</Text>
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Ask>
    </Panel>
  );
}

function Whole({ whole, agency }: { whole: AgencyWhole; agency: string }) {
  const { t } = useWords();
  const { can } = useSession();
  const [reminding, setReminding] = useState(false);
  const [placing, setPlacing] = useState(false);
  const { row } = whole;
  const parts = whole.parts as Parts;
  return (
    <>
      <header className="page-head">
        <p className="overline">
          <StateWord state={row.state} />
          <span className="muted">{t(`national.reason.${row.reason}` as "national.reason.ok", { defaultValue: row.reason })}</span>
          {row.exercise && <Tag tone="warn">{t("national.exercise")}</Tag>}
        </p>
        <h1>
          <Text>{row.name}</Text>
        </h1>
        {can("inbox.work") && (
          <div className="acts">
            <ActButton tone={row.state === "connected" ? "plain" : "main"} onClick={() => setReminding(true)}>
              {t("national.reminder.write")}
            </ActButton>
          </div>
        )}
      </header>
      <div className="columns">
        <div>
          {row.reported_at ? (
            <Report parts={parts} />
          ) : (
            <Panel title={t("national.agency.report")}>
              <Empty kind="nothing" title={t("national.agency.noReport")}>
                {t("national.agency.noReportWhy")}
              </Empty>
            </Panel>
          )}
          {can("inbox.read") && <Raised agency={agency} />}
        </div>
        <div>
          <Panel title={t("alert.facts")}>
            <dl className="facts">
              <Fact name={t("national.column.since")}>
                <Time at={row.since} since />
              </Fact>
              <Fact name={t("national.agency.report")}>
                <Ago at={row.reported_at} />
              </Fact>
              <Fact name={t("national.column.data")}>
                <Ago at={row.data_at} />
              </Fact>
              <Fact name={t("national.column.selftest")}>
                <Ago at={row.selftest_at} />
              </Fact>
              {(row.unit || can("national.manage")) && (
                <Fact name={t("national.agency.unit")}>
                  {row.unit && <Text>{row.unit.name}</Text>}{" "}
                  {can("national.manage") && (
                    <ActButton tone="quiet" onClick={() => setPlacing(true)}>
                      {t("national.agency.setUnit")}
                    </ActButton>
                  )}
                </Fact>
              )}
              {row.unit && row.unit.former.length > 0 && (
                <Fact name={t("national.agency.former")}>
                  <Text>{row.unit.former.join(", ")}</Text>
                </Fact>
              )}
              {parts.node?.contact && (
                <Fact name={t("national.agency.contact")}>
                  <Text>{parts.node.contact}</Text>
                </Fact>
              )}
              {parts.node?.version && (
                <Fact name={t("national.agency.version")}>
                  <span className="figures">{parts.node.version}</span>
                </Fact>
              )}
              {row.via.length > 0 && (
                <Fact name={t("national.agency.via")}>
                  <Text mono>{row.via.join(" → ")}</Text>
                </Fact>
              )}
            </dl>
          </Panel>
          <Panel title={t("national.agency.warnings")}>
            {row.warnings.length === 0 ? (
              <p className="muted">{t("national.agency.wellKnown")}</p>
            ) : (
              <ul className="national-warnings">
                {row.warnings.map((warning) => (
                  <li key={warning}>
                    <Tag tone="warn">{t(`national.warning.${warning}` as "national.warning.late", { defaultValue: warning })}</Tag>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
          {whole.days.length > 1 && (
            <Panel title={t("national.agency.trend")}>
              <Spark wide values={whole.days.map((day) => day.numbers.alerts ?? 0)} />
            </Panel>
          )}
          <Panel title={t("national.agency.history")}>
            {whole.changes.length === 0 ? (
              <Empty kind="nothing" title={t("national.agency.noHistory")} />
            ) : (
              <ol className="history">
                {whole.changes.map((change, index) => (
                  <li key={index}>
                    <Time at={change.at} />
                    <span>
                      <StateWord state={change.state as AgencyState} />
                      <span className="history-note">{t(`national.reason.${change.reason}` as "national.reason.ok", { defaultValue: change.reason })}</span>
                    </span>
                  </li>
                ))}
              </ol>
            )}
          </Panel>
          <Panel title={t("national.reminder.list")}>
            {whole.reminders.length === 0 ? (
              <Empty kind="nothing" title={t("national.reminder.none")} />
            ) : (
              <ol className="words">
                {whole.reminders.map((reminder) => (
                  <li key={reminder.id} className="word">
                    <p className="word-head">
                      <strong className="figures">{reminder.id}</strong>
                      <Tag tone={reminder.fetched_at ? "ok" : "plain"}>{t(reminder.fetched_at ? "national.reminder.fetched" : "national.reminder.waiting")}</Tag>
                      <Time at={reminder.at} />
                    </p>
                    <details>
                      <summary>{t(`national.reminder.of.${reminder.about}` as "national.reminder.of.other", { defaultValue: reminder.about })}</summary>
                      <p className="letter">
                        <Text>{reminder.text}</Text>
                      </p>
                    </details>
                  </li>
                ))}
              </ol>
            )}
          </Panel>
        </div>
      </div>
      {placing && <UnitDialog agency={agency} unit={row.unit && { code: row.unit.code, name: row.unit.name }} onClose={() => setPlacing(false)} />}
      {reminding && <ReminderDialog agency={agency} name={row.name} onClose={() => setReminding(false)} />}
    </>
  );
}

function AgencyPage({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const agency = params.code ?? "";
  const query = useQuery({
    queryKey: ["national", agency],
    queryFn: ({ signal }) => get<AgencyWhole>(`/national/agencies/${encodeURIComponent(agency)}`, {}, signal),
    refetchInterval: 30_000,
  });
  useTitle(query.data?.row.name ?? t("national.agencyPage"));
  const back = () => go(href("/national"));
  useKeys({ u: { label: "keys.back", run: back }, Escape: { run: back } });
  return (
    <div className="page page-wide national">
      <p>
        <a href={href("/national")}>← {t("national.back")}</a>
      </p>
      <Ask query={query} rows={8}>
        {(whole) => <Whole whole={whole} agency={agency} />}
      </Ask>
    </div>
  );
}

export const view: View = { path: "/national/:code", title: "national.agencyPage", permission: "national.read", Component: AgencyPage };
