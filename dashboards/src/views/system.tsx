// /system — is the node itself well: its processes, its store, its delays, what it could not take in, its audit chain.
// Each panel asks for itself and fails alone.
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { AuditPage, DeadLetter, DeliveryPage, Page, System } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { useSession } from "../app/session";
import { bytes, count } from "../app/text";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { Tag } from "../parts/button";
import { DeliveryTag } from "../parts/delivery";
import { Empty } from "../parts/empty";
import { useLoose } from "../parts/history";
import { Ask, Panel } from "../parts/panel";
import { Text } from "../parts/text";
import { Ago, Time } from "../parts/time";

function useAsk<T>(key: string, path: string, query: Record<string, string | number> = {}) {
  return useQuery({ queryKey: [key, path], queryFn: ({ signal }) => get<T>(path, query, signal), refetchInterval: 15_000 });
}

const NOT_COUNTERS = new Set(["pid", "started", "updated"]);
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

function Processes() {
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
              <table className="plain">
                <thead>
                  <tr>
                    <th>{t("system.process")}</th>
                    <th className="end">PID</th>
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
              </table>
            )}
          </Panel>
        </>
      )}
    </Ask>
  );
}

function Deliveries() {
  const { t, pick } = useWords();
  const query = useAsk<DeliveryPage>("deliveries", "/deliveries", { limit: 20 });
  return (
    <Panel
      title={t("delivery.title")}
      aside={
        query.data && (
          <span>
            {query.data.link.upstream ? (
              <Tag tone={query.data.link.connected ? "ok" : "warn"}>{t(query.data.link.connected ? "delivery.connected" : "delivery.cut")}</Tag>
            ) : (
              <Tag>{t("delivery.unlinked")}</Tag>
            )}{" "}
            <span className="muted">
              <Ago at={query.data.link.last_contact_at} />
            </span>
          </span>
        )
      }
    >
      <Ask query={query}>
        {({ items, link }) => (
          <>
            {link.last_error && !link.connected && (
              <p className="bad-text">
                <Text>{link.last_error}</Text>
              </p>
            )}
            {items.length === 0 ? (
              <Empty kind="nothing" title={t("delivery.empty")} />
            ) : (
              <table className="plain">
                <tbody>
                  {items.map((delivery) => (
                    <tr key={`${delivery.item_id} ${delivery.sequence}`}>
                      <td className="figures">{delivery.ref}</td>
                      <td>
                        <DeliveryTag delivery={delivery} />
                      </td>
                      <td>
                        <Time at={delivery.queued_at} />
                      </td>
                      <td>
                        <Text>{delivery.reason ? pick(delivery.reason) : (delivery.last_error ?? "")}</Text>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </>
        )}
      </Ask>
    </Panel>
  );
}

function DeadLetters() {
  const { t, language } = useWords();
  const query = useAsk<Page<DeadLetter>>("dead-letters", "/dead-letters", { limit: 20 });
  return (
    <Panel title={t("dead.title")} aside={query.data && <span className="figures muted">{count(query.data.total, language)}</span>}>
      <Ask query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty kind="done" title={t("dead.none")}>
              {t("dead.noneWhy")}
            </Empty>
          ) : (
            <table className="plain">
              <tbody>
                {items.map((letter, index) => (
                  <tr key={index}>
                    <td>
                      <Time at={letter.at} />
                    </td>
                    <td>
                      <Text>{letter.sender}</Text>
                    </td>
                    <td className="figures">{letter.status}</td>
                    <td>
                      <Text>{letter.reason}</Text>
                      {letter.excerpt && (
                        <div className="excerpt">
                          <Text mono>{letter.excerpt}</Text>
                        </div>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Ask>
    </Panel>
  );
}

function Audit() {
  const { t } = useWords();
  const query = useAsk<AuditPage>("audit", "/audit", { limit: 30 });
  return (
    <Panel title={t("audit.title")} aside={query.data && <Tag tone={query.data.chain_ok ? "ok" : "bad"}>{t(query.data.chain_ok ? "audit.whole" : "audit.broken")}</Tag>}>
      <Ask query={query}>
        {({ items }) => (
          <table className="plain">
            <tbody>
              {items.map((entry, index) => (
                <tr key={index}>
                  <td>
                    <Time at={entry.at} />
                  </td>
                  <td>
                    <Text>{entry.actor_name || entry.actor}</Text>
                  </td>
                  <td className="figures">
                    <Text>{entry.act}</Text>
                  </td>
                  <td>
                    <Text>{entry.object}</Text>
                  </td>
                  <td>{entry.outcome !== "ok" && <Tag tone="warn">{entry.outcome}</Tag>}</td>
                  <td className="figures muted">
                    <Text>{entry.address}</Text>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Ask>
    </Panel>
  );
}

function SystemPage() {
  const { t } = useWords();
  const { can, me } = useSession();
  useTitle(t("nav.system"));
  useKeys({});
  return (
    <div className="page page-wide">
      <header className="page-head page-head-row">
        <h1>{t("nav.system")}</h1>
        <span className="muted">
          {me.node.name} · <span className="figures">{me.node.version}</span>
        </span>
      </header>
      <Processes />
      {me.node.role === "agency" && can("incidents.read") && <Deliveries />}
      <DeadLetters />
      {can("audit.read") && <Audit />}
    </div>
  );
}

export const view: View = {
  path: "/system",
  title: "nav.system",
  permission: "system.read",
  Component: SystemPage,
  rail: { group: "care", order: 6, icon: "system", key: "s" },
};
