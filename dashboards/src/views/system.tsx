// /system — is the node itself well: its processes, its store, its delays, what it could not take in, what the doctor found.
// Each panel asks for itself and fails alone.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { components } from "#schema";
import { get, post } from "../api/client";
import type { DeadLetter, DeliveryPage, Page, System } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { href } from "../app/route";
import { useSession } from "../app/session";
import { bytes, count } from "../app/text";
import { toast } from "../app/toasts";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { DeliveryTag } from "../parts/delivery";
import { Empty } from "../parts/empty";
import { useLoose } from "../parts/history";
import { Ask, Panel, useExplain } from "../parts/panel";
import { Table } from "../parts/table";
import { Text } from "../parts/text";
import { Ago, Time } from "../parts/time";

type Schemas = components["schemas"];

function useAsk<T>(key: string, path: string, query: Record<string, string | number> = {}) {
  return useQuery({ queryKey: [key, path], queryFn: ({ signal }) => get<T>(path, query, signal), refetchInterval: 15_000 });
}

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
              <Table>
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
              </Table>
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
            <Table>
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
            </Table>
          )
        }
      </Ask>
    </Panel>
  );
}

/** What `luytre doctor` finds at low cost: the last run, what is wrong first, each with what to do. */
function Doctor() {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const query = useQuery({ queryKey: ["doctor"], queryFn: ({ signal }) => get<Schemas["Doctor"]>("/system/doctor", {}, signal) });
  const run = useMutation({
    mutationFn: () => post<Schemas["Doctor"]>("/system/doctor"),
    onSuccess: (found) => client.setQueryData(["doctor"], found),
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const tone = { ok: "ok", note: "warn", bad: "bad", skipped: "plain" } as const;
  const order = ["bad", "note", "skipped", "ok"];
  return (
    <Panel
      title={t("health.doctor")}
      aside={
        <span>
          {query.data?.at && <Time at={query.data.at} short />}{" "}
          {can("system.manage") && (
            <ActButton disabled={run.isPending} onClick={() => run.mutate()}>
              {t(run.isPending ? "health.running" : "health.run")}
            </ActButton>
          )}
        </span>
      }
    >
      <Ask query={query}>
        {({ checks }) => {
          const wrong = checks.filter(({ verdict }) => verdict === "bad" || verdict === "note").sort((x, y) => order.indexOf(x.verdict) - order.indexOf(y.verdict));
          if (!checks.length)
            return (
              <p className="muted">
                {t("health.never")} <code className="figures">luytre doctor</code>
              </p>
            );
          return (
            <>
              <p className="muted">{t("health.counted", { ok: checks.filter(({ verdict }) => verdict === "ok").length, wrong: wrong.length })}</p>
              {wrong.length > 0 && (
                <Table>
                  <tbody>
                    {wrong.map((check) => (
                      <tr key={check.code}>
                        <td>
                          <Tag tone={tone[check.verdict]}>{t(`health.verdict.${check.verdict}`)}</Tag>
                        </td>
                        <td>
                          <strong>
                            <Text>{check.title}</Text>
                          </strong>{" "}
                          <span className="figures muted">{check.code}</span>
                          <div>
                            <Text>{check.value}</Text>
                          </div>
                          {check.fixes.map((fix) => (
                            <div key={fix.text + fix.command} className="muted">
                              → <Text>{fix.text}</Text> {fix.command && <code className="figures">{fix.command}</code>}
                            </div>
                          ))}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </Table>
              )}
            </>
          );
        }}
      </Ask>
    </Panel>
  );
}

/** When each kind of data came last, the longest quiet first: a source that has stopped is seen before it is missed. */
function DataSeen() {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ["data-seen"], queryFn: ({ signal }) => get<Schemas["AllDataSeen"]>("/system/data", {}, signal), refetchInterval: 60_000 });
  return (
    <Panel title={t("health.dataSeen")} aside={<span className="muted">{t("health.dataSince")}</span>}>
      <Ask query={query}>
        {({ items, more, partial }) =>
          items.length === 0 ? (
            <Empty kind="nothing" title={t("health.noData")}>
              <a href={href("/sensors")}>{t("nav.sensors")}</a>
            </Empty>
          ) : (
            <>
              {partial && (
                <p className="muted">
                  <Text>{partial}</Text>
                </p>
              )}
              <Table>
                <thead>
                  <tr>
                    <th scope="col">{t("health.dataset")}</th>
                    <th scope="col">{t("column.lastData")}</th>
                    <th scope="col" className="end">
                      {t("health.lastDay")}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.dataset}>
                      <td>
                        <Text mono>{item.dataset}</Text>
                      </td>
                      <td>
                        <Ago at={item.last_at} />
                      </td>
                      <td className="end">{item.day ? <span className="figures">{count(item.day, language)}</span> : <Tag tone="warn">0</Tag>}</td>
                    </tr>
                  ))}
                </tbody>
              </Table>
              {more && <p className="muted">{t("health.dataMore", { shown: items.length })}</p>}
            </>
          )
        }
      </Ask>
    </Panel>
  );
}

/** Backup, disk, database and what waits to leave: the same answer as the processes'. */
function Keeping() {
  const { t, language, pick } = useWords();
  const query = useAsk<System>("system", "/system");
  return (
    <Ask query={query}>
      {({ backup, disk, database, waiting, jobs }) => (
        <>
          <div className="tiles">
            <Panel title={t("health.disk")}>
              <dl className="facts">
                <div>
                  <dt>{t("health.free")}</dt>
                  <dd className="figures">
                    {bytes(disk.free_bytes, language)} / {bytes(disk.total_bytes, language)}
                  </dd>
                </div>
                <div>
                  <dt>{t("health.daysLeft")}</dt>
                  <dd>{disk.days_left === null ? "—" : disk.days_left < 14 ? <Tag tone={disk.days_left < 3 ? "bad" : "warn"}>{count(disk.days_left, language)}</Tag> : <span className="figures">{count(Math.floor(disk.days_left), language)}</span>}</dd>
                </div>
                <div>
                  <dt>{t("health.database")}</dt>
                  <dd className="figures">
                    {database.kind === "sqlite" ? "SQLite" : "PostgreSQL"} {database.bytes === null ? "" : bytes(database.bytes, language)} · {database.revision}
                  </dd>
                </div>
              </dl>
            </Panel>
            <Panel title={t("health.leaving")}>
              <dl className="facts">
                {waiting.map((queue) => (
                  <div key={queue.name}>
                    <dt>{t(`health.queue.${queue.name}`)}</dt>
                    <dd>
                      <span className="figures">{count(queue.count, language)}</span> {queue.oldest_at && <Ago at={queue.oldest_at} />}
                    </dd>
                  </div>
                ))}
                <div>
                  <dt>{t("overview.backup")}</dt>
                  <dd>
                    {backup.last_good_at ? <Time at={backup.last_good_at} short /> : <Tag tone="warn">{t(backup.target ? "overview.noBackup" : "overview.noTarget")}</Tag>} {backup.late && <Tag tone="bad">{t("health.late")}</Tag>}{" "}
                    {backup.last_good_at && <span className="muted">{t(backup.last_verified_at ? "overview.verified" : "overview.unverified")}</span>}
                    {backup.problem && (
                      <div className="bad-text">
                        <Text>{pick(backup.problem)}</Text>
                      </div>
                    )}
                  </dd>
                </div>
              </dl>
            </Panel>
          </div>
          <Panel title={t("health.jobs")}>
            {jobs.length === 0 ? (
              <p className="muted">{t("health.noJobs")}</p>
            ) : (
              <Table>
                <thead>
                  <tr>
                    <th scope="col">{t("health.job")}</th>
                    <th scope="col">{t("health.lastRun")}</th>
                    <th scope="col" className="end">
                      {t("health.took")}
                    </th>
                    <th scope="col">{t("health.outcome")}</th>
                  </tr>
                </thead>
                <tbody>
                  {jobs.map((job) => (
                    <tr key={job.name}>
                      <td className="figures">{job.name}</td>
                      <td>
                        <Ago at={job.started_at} />
                      </td>
                      <td className="end figures">{count(job.took_s, language)} s</td>
                      <td>
                        {job.outcome === "failed" ? <Tag tone="bad">{t("health.ran.failed")}</Tag> : <span className="muted">{t("health.ran.done")}</span>} <Text>{job.detail}</Text>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )}
          </Panel>
        </>
      )}
    </Ask>
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
      <Doctor />
      <Processes />
      <DataSeen />
      <Keeping />
      {me.node.role === "agency" && can("incidents.read") && <Deliveries />}
      <DeadLetters />
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
