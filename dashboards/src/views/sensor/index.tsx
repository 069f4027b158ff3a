// /sensors/:id — one sensor: its lamps in words, each stream with its last data, its loss and its clock, and the sources
// that its newest heartbeats name.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { components } from "#schema";
import { get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href } from "../../app/route";
import { useSession } from "../../app/session";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { useLoose } from "../../parts/history";
import { Icon } from "../../parts/icons";
import { Ask, Panel } from "../../parts/panel";
import { Spark } from "../../parts/spark";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Revoke } from "../sensors/enrol";
import { Certificate, Lamps, number, rateOf, State, type Stream, versionOf } from "../sensors/parts";

type Whole = components["schemas"]["SensorWhole"];
const TONE = { ok: "ok", quiet: "warn", silent: "bad" } as const;

function StreamRow({ part }: { part: Stream }) {
  const { t, language } = useWords();
  const loose = useLoose();
  const lag = part.clock_lag_s;
  const wrong = lag !== null && lag < -2;
  return (
    <tr>
      <th scope="row">{part.role ? loose("sensorRole", part.role) : t("sensor.thirdParty")}</th>
      <td>
        <Tag tone={TONE[part.state]}>{t(`sensor.state.${part.state}`)}</Tag>
      </td>
      <td>
        <Time at={part.last_data_at} short />
      </td>
      <td>
        <Time at={part.real_at} short />
      </td>
      <td>
        <Spark values={part.hours} />
      </td>
      <td className="end figures">{rateOf(part.hours, language)}</td>
      <td className="end figures">{number(part.received, language)}</td>
      <td className="end figures">{number(part.spooled, language)}</td>
      <td className="end figures">{part.dropped ? <Tag tone="warn">{number(part.dropped, language)}</Tag> : number(part.dropped, language)}</td>
      <td className="end figures">{part.refused ? <Tag tone="warn">{number(part.refused, language)}</Tag> : 0}</td>
      <td className="end figures">{lag === null ? "—" : <span className={wrong ? "bad-text" : ""}>{`${number(lag, language)} s`}</span>}</td>
    </tr>
  );
}

function SensorPage({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const { can } = useSession();
  const loose = useLoose();
  const id = params.id ?? "";
  const [revoking, setRevoking] = useState(false);
  const query = useQuery({ queryKey: ["sensor", id], queryFn: ({ signal }) => get<Whole>(`/sensors/${encodeURIComponent(id)}`, {}, signal), refetchInterval: 30_000 });
  useTitle(query.data?.sensor.name ?? t("sensor.page"));
  useKeys({ u: { label: "keys.back", run: () => go(href("/sensors")) }, r: { label: "keys.refresh", run: () => void query.refetch() } });
  return (
    <div className="page page-wide">
      <Ask query={query} rows={8}>
        {({ sensor, sources, problem }) => (
          <>
            <header className="page-head">
              <p>
                <a href={href("/sensors")} className="sensor-back">
                  <Icon name="back" /> {t("nav.sensors")}
                </a>
              </p>
              <div className="page-head-row">
                <h1>
                  <Text>{sensor.name}</Text>
                </h1>
                <State sensor={sensor} />
                <div className="spread" />
                {can("sensors.manage") && !sensor.revoked_at && <ActButton onClick={() => setRevoking(true)}>{t("act.revoke")}</ActButton>}
              </div>
            </header>
            {sensor.flagged && (
              <p className="trouble" role="alert">
                {t("sensor.flaggedWhy")} <Text mono>{sensor.claimed ?? ""}</Text>
              </p>
            )}
            <div className="tiles">
              <Panel title={t("sensor.lamps")}>
                <Lamps sensor={sensor} words />
              </Panel>
              <Panel title={t("sensor.facts")}>
                <dl className="facts">
                  <div>
                    <dt>{t("column.agency")}</dt>
                    <dd>
                      <Text>{sensor.agency_name}</Text>
                    </dd>
                  </div>
                  <div>
                    <dt>{t("sensor.version")}</dt>
                    <dd className="figures">{versionOf(sensor) || "—"}</dd>
                  </div>
                  <div>
                    <dt>{t("sensor.enrolled")}</dt>
                    <dd>
                      <Time at={sensor.enrolled_at} />
                    </dd>
                  </div>
                  <div>
                    <dt>{t("column.certificate")}</dt>
                    <dd>
                      <Certificate sensor={sensor} /> <Time at={sensor.certificate_expires_at} short />
                    </dd>
                  </div>
                  {sensor.revoked_at && (
                    <div>
                      <dt>{t("sensor.state.revoked")}</dt>
                      <dd>
                        <Time at={sensor.revoked_at} /> <Text>{sensor.revoked_reason ?? ""}</Text>
                      </dd>
                    </div>
                  )}
                </dl>
              </Panel>
            </div>
            <Panel title={t("sensor.streams")}>
              {sensor.roles.length === 0 ? (
                <Empty kind="nothing" title={t("sensor.noStreams")}>
                  {t("sensor.noStreamsWhy")}
                </Empty>
              ) : (
                <Table>
                  <thead>
                    <tr>
                      <th scope="col">{t("column.role")}</th>
                      <th scope="col">{t("column.status")}</th>
                      <th scope="col">{t("sensor.heard")}</th>
                      <th scope="col">{t("column.lastData")}</th>
                      <th scope="col">{t("column.day")}</th>
                      <th scope="col" className="end">{t("sensor.rate")}</th>
                      <th scope="col" className="end">{t("sensor.received")}</th>
                      <th scope="col" className="end">{t("column.spooled")}</th>
                      <th scope="col" className="end">{t("column.dropped")}</th>
                      <th scope="col" className="end">{t("sensor.refused")}</th>
                      <th scope="col" className="end">{t("sensor.clockLag")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {sensor.roles.map((part) => (
                      <StreamRow key={part.role} part={part} />
                    ))}
                  </tbody>
                </Table>
              )}
            </Panel>
            <Panel title={t("sensor.sources")}>
              {problem && <p className="bad-text">{t("sensor.sourcesProblem")} <Text>{problem}</Text></p>}
              {!problem && sources.length === 0 ? (
                <p className="muted">{t("sensor.noSources")}</p>
              ) : (
                <Table>
                  <tbody>
                    {sources.map((source) => (
                      <tr key={`${source.role} ${source.source}`}>
                        <td>{loose("sensorRole", source.role)}</td>
                        <td>
                          <Text mono>{source.source}</Text>
                        </td>
                        <td className="muted">
                          {t("sensor.told")} <Time at={source.told_at} short />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </Table>
              )}
            </Panel>
            {can("events.read") && (
              <p>
                <a href={href("/hunt", { q: `observer.name:${sensor.name}` })}>{t("sensor.hunt", { name: sensor.name })}</a>
              </p>
            )}
            {revoking && <Revoke sensor={sensor} onClose={() => setRevoking(false)} />}
          </>
        )}
      </Ask>
    </div>
  );
}

export const view: View = { path: "/sensors/:id", title: "sensor.page", permission: "sensors.read", Component: SensorPage };
