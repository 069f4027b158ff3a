// One alert, whole: why it fired, who and where, what to do, its events, its history. The pane and the page show this.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ReactNode } from "react";
import { get } from "../../api/client";
import type { Alert, AlertDetail, AlertEvents } from "../../api/types";
import { useAgencyName } from "../../app/names";
import { href } from "../../app/route";
import { count } from "../../app/text";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { EventLine } from "../../parts/event";
import { Priority, SystemTag } from "../../parts/grade";
import { History, useLoose } from "../../parts/history";
import { Loading, Panel, Trouble } from "../../parts/panel";
import { Severity } from "../../parts/severity";
import { DeliveryWay } from "../../parts/delivery";
import { Spark } from "../../parts/spark";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Value } from "../../parts/value";
import { Words } from "../../parts/words";

export function useAlert(id: string, enabled = true) {
  return useQuery({
    queryKey: ["alert", id, "detail"],
    enabled,
    queryFn: ({ signal }) => get<AlertDetail>(`/alerts/${encodeURIComponent(id)}`, {}, signal),
  });
}

export function StatusTag({ alert }: { alert: Alert }) {
  const { t } = useWords();
  if (alert.status === "closed") return <Tag tone="ok">{alert.disposition ? t(`disposition.${alert.disposition}`) : t("status.closed")}</Tag>;
  if (alert.status === "snoozed") return <Tag>{t("status.snoozed")}</Tag>;
  if (alert.status === "claimed") return <Tag tone="info">{alert.assignee ? <Text>{alert.assignee.name}</Text> : t("status.claimed")}</Tag>;
  return <Tag tone="plain">{t("status.new")}</Tag>;
}

function Events({ alert }: { alert: Alert }) {
  const { t, language } = useWords();
  const query = useInfiniteQuery({
    queryKey: ["alert", alert.id, "events"],
    queryFn: ({ pageParam, signal }) =>
      get<AlertEvents>(`/alerts/${encodeURIComponent(alert.id)}/events`, { limit: 20, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const [first] = query.data?.pages ?? [];
  const matched = new Set(Object.keys(alert.group).concat(Object.keys(alert.entities)));
  let body: ReactNode;
  if (query.isError && !first) body = <Trouble error={query.error} retry={() => void query.refetch()} />;
  else if (!first) body = <Loading />;
  else if (!items.length) body = <Empty kind="nothing" title={t("events.none")}>{t("events.noneWhy")}</Empty>;
  else
    body = (
      <>
        <ul className="events">
          {items.map((event, index) => (
            <EventLine key={index} event={event} matched={matched} />
          ))}
        </ul>
        {query.hasNextPage && (
          <ActButton disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t("list.more")}
          </ActButton>
        )}
      </>
    );
  return (
    <Panel
      title={t("events.title")}
      aside={
        first && (
          <span className="muted">
            {first.partial && (
              <Tag tone="warn" title={first.partial}>
                {t("events.partial")}
              </Tag>
            )}{" "}
            <span className="figures">{count(first.total, language)}</span>
          </span>
        )
      }
    >
      {body}
    </Panel>
  );
}

function Why({ alert }: { alert: Alert }) {
  const { t, pick } = useWords();
  return (
    <Panel title={t("alert.why")} className="why">
      <p className="reason">
        <Text>{pick(alert.reason)}</Text>
      </p>
      <Spark values={alert.spark} wide />
      <p className="spark-axis muted">
        <span>{t("spark.from")}</span>
        <span>{t("spark.to")}</span>
      </p>
    </Panel>
  );
}

function Facts({ alert }: { alert: Alert }) {
  const { t, language } = useWords();
  const loose = useLoose();
  const agencyName = useAgencyName();
  const entities = Object.entries(alert.entities);
  return (
    <Panel title={t("alert.facts")}>
      <dl className="facts">
        {alert.system && (
          <div>
            <dt>{t("inventory.system")}</dt>
            <dd>
              <SystemTag system={alert.system} />
            </dd>
          </div>
        )}
        <div>
          <dt>{t("inventory.priority")}</dt>
          <dd>
            <Priority alert={alert} whole />
          </dd>
        </div>
        <div>
          <dt>{t("alert.count")}</dt>
          <dd className="figures">{count(alert.count, language)}</dd>
        </div>
        <div>
          <dt>{t("alert.first")}</dt>
          <dd>
            <Time at={alert.first_seen} />
          </dd>
        </div>
        <div>
          <dt>{t("alert.last")}</dt>
          <dd>
            <Time at={alert.last_seen} since />
          </dd>
        </div>
        {entities.map(([field, values]) => (
          <div key={field}>
            <dt title={field}>{loose("entity", field.replaceAll(".", "_"), field)}</dt>
            <dd className="values">
              {values.map((value) => (
                <Value key={value} field={field} value={value} />
              ))}
            </dd>
          </div>
        ))}
        <div>
          <dt>{t("alert.agency")}</dt>
          <dd>
            <span title={alert.agency}>
              <Text>{agencyName(alert.agency)}</Text>
            </span>
          </dd>
        </div>
        <div>
          <dt>{t("alert.rule")}</dt>
          <dd>
            <a href={href("/rules", { q: alert.rule_id })} className="figures">
              <Text>{alert.rule_id}</Text>
            </a>{" "}
            <span className="muted">{loose("kind", alert.type)}</span>
          </dd>
        </div>
        {alert.score !== null && (
          <div>
            <dt>{t("alert.score")}</dt>
            <dd className="figures">{new Intl.NumberFormat(language, { maximumFractionDigits: 2 }).format(alert.score)}</dd>
          </div>
        )}
        {alert.techniques.length > 0 && (
          <div>
            <dt>ATT&CK</dt>
            <dd className="values figures">{alert.techniques.join(", ")}</dd>
          </div>
        )}
        {alert.snooze && (
          <div>
            <dt>{t("status.snoozed")}</dt>
            <dd>
              {t("snooze.wakes")} <Time at={alert.snooze.until} /> · <Text>{alert.snooze.reason}</Text>
            </dd>
          </div>
        )}
        {alert.incident_id && (
          <div>
            <dt>{t("alert.incident")}</dt>
            <dd>
              <a className="figures" href={href(`/incidents/${alert.incident_id}`)}>
                {alert.incident_id}
              </a>
            </dd>
          </div>
        )}
      </dl>
    </Panel>
  );
}

/** `alert` comes from the list at once; the rest is asked for and each panel fails alone. */
export function AlertBody({ alert }: { alert: Alert }) {
  const { t, language, pick } = useWords();
  const query = useAlert(alert.id);
  const steps = (language === "vi" ? query.data?.steps.vi : query.data?.steps.en) ?? [];
  const description = pick(query.data?.description);
  return (
    <div className="alert-body">
      <div className="alert-main">
        <Why alert={alert} />
        <Events alert={alert} />
        <History path={`/alerts/${encodeURIComponent(alert.id)}/history`} queryKey={["alert", alert.id, "history"]} />
      </div>
      <div className="alert-side">
        <Facts alert={alert} />
        {query.data?.delivery && (
          <Panel title={t("delivery.title")} className="delivery">
            <DeliveryWay delivery={query.data.delivery} />
          </Panel>
        )}
        {query.data && (query.data.delivery || query.data.words.length > 0) && (
          <Panel title={t("words.title")}>
            <Words words={query.data.words} />
          </Panel>
        )}
        {query.isError && <Trouble error={query.error} retry={() => void query.refetch()} />}
        {(description || steps.length > 0) && (
          <Panel title={t("alert.steps")}>
            {description && (
              <p>
                <Text>{description}</Text>
              </p>
            )}
            {steps.length > 0 && (
              <ol className="steps">
                {steps.map((step, index) => (
                  <li key={index}>
                    <Text>{step}</Text>
                  </li>
                ))}
              </ol>
            )}
          </Panel>
        )}
      </div>
    </div>
  );
}

export function AlertHeading({ alert, level: Heading = "h2" }: { alert: Alert; level?: "h1" | "h2" }) {
  const { t, pick } = useWords();
  return (
    <>
      <p className="overline">
        <Severity level={alert.level} pill />
        <span className="figures">{alert.id}</span>
        <StatusTag alert={alert} />
        {alert.system && <SystemTag system={alert.system} />}
        {alert.woken && <Tag tone="warn">{t("status.woken")}</Tag>}
      </p>
      <Heading className="alert-title">
        <Text>{pick(alert.title)}</Text>
      </Heading>
    </>
  );
}
