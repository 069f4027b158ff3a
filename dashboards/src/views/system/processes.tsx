// The node's processes with their counters, its store, and how far behind each step is.
import type { System } from "../../api/types";
import { bytes, count } from "../../app/text";
import { useWords } from "../../i18n";
import { Empty } from "../../parts/empty";
import { useLoose } from "../../parts/history";
import { Ask, Panel } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { useAsk } from "./ask";

const NOT_COUNTERS = new Set(["pid", "started", "updated", "memory_bytes"]);
const COUNTERS_SHOWN = 14;

/** The numbers of a health report, nested ones by their path. */
function counters(report: Record<string, unknown>): [string, number][] {
  const found: [string, number][] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value === "number" && !NOT_COUNTERS.has(path) && !path.endsWith("_at")) found.push([path, Math.round(value * 10) / 10]);
    else if (value && typeof value === "object" && !Array.isArray(value))
      for (const [key, inner] of Object.entries(value)) walk(inner, path ? `${path}.${key}` : key);
  };
  walk(report, "");
  return found.filter(([, value]) => value !== 0).slice(0, COUNTERS_SHOWN);
}

export function Processes() {
  const { t, language } = useWords();
  const loose = useLoose();
  const query = useAsk<System>("system", "/system");
  const seconds = (value: number | null | undefined) =>
    value === null || value === undefined ? <span className="muted">—</span> : <span className="figures">{new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value)} s</span>;
  return (
    <Ask query={query}>
      {({ processes, store, lag }) => (
        <>
          <div className="tiles">
            <Panel title={t("system.store")}>
              <dl className="facts">
                <div>
                  <dt>{t("system.kind")}</dt>
                  <dd>{loose("storeKind", store.kind)}</dd>
                </div>
                <div>
                  <dt>{t("system.used")}</dt>
                  <dd>
                    <span className="figures">
                      {store.usage_bytes === null ? "—" : bytes(store.usage_bytes, language)}
                      {store.budget_bytes ? ` / ${bytes(store.budget_bytes, language)}` : ""}
                    </span>
                    {store.budget_bytes !== null && store.budget_bytes > 0 && (
                      <meter className="meter" min={0} max={store.budget_bytes} high={store.budget_bytes * 0.8} value={store.usage_bytes ?? 0} />
                    )}
                  </dd>
                </div>
                <div>
                  <dt>{t("system.newest")}</dt>
                  <dd>
                    <Time at={store.newest_event_at} since />
                  </dd>
                </div>
              </dl>
            </Panel>
            <Panel title={t("system.lag")}>
              <dl className="facts">
                <div>
                  <dt>{t("system.index")}</dt>
                  <dd>{seconds(lag.index_s)}</dd>
                </div>
                <div>
                  <dt>{t("system.correlator")}</dt>
                  <dd>{seconds(lag.correlator_s)}</dd>
                </div>
                <div>
                  <dt>{t("system.casework")}</dt>
                  <dd>{seconds(lag.casework_s)}</dd>
                </div>
              </dl>
            </Panel>
          </div>
          <Panel title={t("system.processes")}>
            {processes.length === 0 ? (
              <Empty kind="nothing" title={t("system.noProcesses")} />
            ) : (
              <Table>
                <thead>
                  <tr>
                    <th>{t("system.process")}</th>
                    <th className="end">PID</th>
                    <th className="end">{t("health.memory")}</th>
                    <th>{t("health.started")}</th>
                    <th>{t("system.report")}</th>
                    <th>{t("system.counters")}</th>
                  </tr>
                </thead>
                <tbody>
                  {processes.map((process) => {
                    const name = String(process.name);
                    const updated = Number(process.updated);
                    return (
                      <tr key={name}>
                        <td>
                          <strong>
                            <Text>{name}</Text>
                          </strong>
                        </td>
                        <td className="figures end still">{String(process.pid ?? "—")}</td>
                        <td className="figures end still">{typeof process.memory_bytes === "number" ? bytes(process.memory_bytes, language) : "—"}</td>
                        <td>{Number(process.started) ? <Ago at={new Date(Number(process.started) * 1000).toISOString()} /> : <span className="muted">—</span>}</td>
                        <td>{updated ? <Ago at={new Date(updated * 1000).toISOString()} /> : <span className="muted">—</span>}</td>
                        <td className="counters figures">
                          {counters(process).map(([key, value]) => (
                            <span key={key}>
                              {key}&nbsp;<strong>{count(value, language)}</strong>
                            </span>
                          ))}
                        </td>
                      </tr>
                    );
                  })}
                </tbody>
              </Table>
            )}
          </Panel>
        </>
      )}
    </Ask>
  );
}
