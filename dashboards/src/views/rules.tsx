// /rules — what is watched for: the rules that run, those that were refused with the reason, and what this agency
// changed of them (correlator/tuning.py) with who answers for it and until when.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get } from "../api/client";
import type { Level, Rule, Rules as RulePage } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { go, href, useFilters } from "../app/route";
import { useSession } from "../app/session";
import { count, folded } from "../app/text";
import { dateOf } from "../app/time";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { Empty } from "../parts/empty";
import { type Column, Grid } from "../parts/grid";
import { useLoose } from "../parts/history";
import { Ask } from "../parts/panel";
import { LEVELS, Severity } from "../parts/severity";
import { Text } from "../parts/text";
import { Ago } from "../parts/time";
import { Total } from "../parts/total";

/** What a newer server also says of a rule: where it is written, and whether only correlations read it. */
type Told = Rule & { silent?: boolean; path?: string; line?: number };
type State = "running" | "blind" | "component" | "refused" | "disabled";
type Row = { key: string; rule: Told; state: State };
const STATES: readonly State[] = ["refused", "running", "disabled", "blind", "component"];
const TONES = { running: "ok", blind: "warn", component: "plain", refused: "bad", disabled: "warn" } as const;

/** A component makes no alert of its own: its level would say nothing. A blind rule waits for data that nobody sends. */
function stateOf(rule: Told): State {
  if (rule.state !== "running") return rule.state;
  if (rule.silent) return "component";
  return rule.reason ? "blind" : "running";
}

function place(rule: Told): string {
  const path = rule.path || (rule.id.includes("/") ? rule.id : "");
  return path && rule.line ? `${path}:${rule.line}` : path;
}

/** Refused first, then what is switched off, then what is watched for by its level, then what only others read. */
function ordered(items: readonly Told[]): Row[] {
  const weight = ({ state, rule }: Row) => (state === "refused" ? -2 : state === "disabled" ? -1 : state === "component" ? LEVELS.length + 1 : (LEVELS.indexOf(rule.level as Level) + 99) % 99);
  // Two refused files may carry one id, or none: their place in the list tells them apart.
  return items
    .map((rule, index): Row => ({ key: `${rule.id || index}${rule.state === "refused" ? `#${index}` : ""}`, rule, state: stateOf(rule) }))
    .sort((a, b) => weight(a) - weight(b));
}

function source(rule: Rule): string {
  return Object.values(rule.logsource).filter(Boolean).join(" / ");
}

function Rules() {
  const { t, pick, language } = useWords();
  const loose = useLoose();
  const { can } = useSession();
  const [filters, setFilters] = useFilters();
  const q = filters.get("q") ?? "";
  const state = filters.get("state") ?? "";
  // The correlator reports its rules some seconds after it starts: an empty list is asked for again soon.
  const query = useQuery({
    queryKey: ["rules"],
    queryFn: ({ signal }) => get<RulePage>("/rules", {}, signal),
    refetchInterval: ({ state: { data } }) => (data?.total ? 30_000 : 3_000),
  });
  const [cursor, setCursor] = useState<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useTitle(t("nav.rules"));
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void query.refetch() },
  });
  const all = useMemo(() => ordered(query.data?.items ?? []), [query.data]);
  const rows = useMemo(() => {
    const words = folded(q).split(/\s+/).filter(Boolean);
    return all.filter(({ rule, state: its }) => {
      if (state && its !== state) return false;
      const text = folded([rule.id, rule.title?.vi, rule.title?.en, source(rule), place(rule), rule.reason, rule.tuned?.reason, rule.tuned?.owner, ...rule.techniques].join(" "));
      return words.every((word) => text.includes(word));
    });
  }, [all, q, state]);
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "state",
        header: t("column.status"),
        width: "132px",
        sort: (row) => STATES.indexOf(row.state),
        cell: ({ state: its }) => (
          <Tag tone={TONES[its]} title={t(`ruleStateWhy.${its}`)}>
            {t(`ruleState.${its}`)}
          </Tag>
        ),
      },
      {
        id: "level",
        header: t("column.level"),
        width: "132px",
        from: 480,
        sort: ({ rule }) => LEVELS.indexOf(rule.level as Level),
        cell: ({ rule, state: its }) => (its !== "component" && LEVELS.includes(rule.level as Level) ? <Severity level={rule.level as Level} /> : <span className="muted">—</span>),
      },
      {
        id: "title",
        header: t("column.rule"),
        width: "minmax(200px, 1fr)",
        sort: ({ rule }) => pick(rule.title) || rule.id,
        cell: ({ rule, state: its }) => {
          const [code = "", ...rest] = rule.reason.split(": ");
          const said = loose("refusedRule", code, rule.reason);
          return (
            <div className="two-lines">
              <span className="one-line row-title">
                <Text>{pick(rule.title) || rule.path?.split("/").pop() || rule.id || t("rules.unnamed")}</Text>
              </span>
              {its === "refused" && (
                <span className="one-line row-second" title={`${rule.reason}${place(rule) && ` · ${place(rule)}`}`}>
                  <span className="bad-text">
                    <Text>{said}</Text>
                  </span>
                  {place(rule) && (
                    <span className="row-place">
                      <Text mono>{place(rule)}</Text>
                    </span>
                  )}
                  {said !== rule.reason && (
                    <span className="row-reason">
                      <Text>{rest.join(": ")}</Text>
                    </span>
                  )}
                </span>
              )}
              {rule.tuned && (
                <span className="one-line row-second" title={rule.tuned.reason}>
                  <span className="row-place">
                    {rule.tuned.enabled
                      ? t("rules.levelled", { before: loose("level", rule.tuned.level_before, rule.tuned.level_before), until: dateOf(`${rule.tuned.until}T12:00:00+07:00`) })
                      : t("rules.until", { until: dateOf(`${rule.tuned.until}T12:00:00+07:00`) })}
                  </span>
                  <span className="row-reason">
                    <Text>{`${rule.tuned.owner}: ${rule.tuned.reason}`}</Text>
                  </span>
                </span>
              )}
              {its === "blind" && (
                <span className="one-line row-second" title={rule.reason}>
                  {t("ruleStateWhy.blind")}
                </span>
              )}
            </div>
          );
        },
      },
      { id: "kind", header: t("column.kind"), width: "156px", from: 1300, sort: ({ rule }) => rule.kind, cell: ({ rule, state: its }) => (its === "refused" ? <span className="muted">—</span> : loose("kind", rule.kind)) },
      { id: "source", header: t("column.source"), width: "176px", from: 900, sort: ({ rule }) => source(rule), cell: ({ rule }) => (source(rule) ? <Text>{source(rule)}</Text> : <span className="muted">{rule.state === "refused" ? "—" : loose("kind", rule.kind)}</span>) },
      { id: "techniques", header: "ATT&CK", width: "132px", from: 1450, cell: ({ rule }) => <span className="figures one-line">{rule.techniques.join(", ")}</span> },
      {
        id: "data",
        header: t("column.dataSeen"),
        width: "132px",
        from: 820,
        sort: ({ rule }) => rule.data_last_seen ?? "",
        cell: ({ rule }) => (rule.data_last_seen ? <Ago at={rule.data_last_seen} /> : <span className="muted">{rule.kind === "detector" || rule.state !== "running" ? "—" : t("rules.noData")}</span>),
      },
      { id: "hits", header: t("column.hits"), width: "116px", end: true, from: 660, sort: ({ rule }) => rule.hits_24h, cell: ({ rule }) => <span className="figures">{count(rule.hits_24h, language)}</span> },
    ],
    [t, pick, loose, language],
  );
  const numbers = (value: string) => (value ? all.filter((row) => row.state === value).length : all.length);
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("nav.rules")}</h1>
        <Total of="rules.shown" total={rows.length} />
        {can("alerts.read") && <a href={href("/rules/exceptions")}>{t("exceptions.title")}</a>}
        <div className="spread" />
        <input
          ref={search}
          type="search"
          className="search"
          aria-label={t("rules.search")}
          placeholder={`${t("rules.search")}  ( / )`}
          value={q}
          onChange={(event) => setFilters({ q: event.target.value })}
        />
      </header>
      <div className="filters">
        <div className="tabs" role="group" aria-label={t("column.status")}>
          {(["", ...STATES.filter((value) => value === "running" || value === "refused" || value === state || numbers(value) > 0)] as const).map((value) => (
            <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value || null })}>
              {value ? t(`ruleState.${value}`) : t("rules.all")}
              <span className="figures tab-count">{count(numbers(value), language)}</span>
            </button>
          ))}
        </div>
      </div>
      {query.data?.tuning_faults?.map((fault) => (
        <p key={`${fault.code} ${fault.id} ${fault.line}`} role="status">
          <Tag tone="warn">{fault.code}</Tag> {loose("tuningFault", fault.code, fault.reason)}{" "}
          <Text mono>{`tuning.toml${fault.line ? `:${fault.line}` : ""}${fault.id ? ` ${fault.id}` : ""}`}</Text>
        </p>
      ))}
      <Ask query={query} rows={10}>
        {() => (
          <Grid
            label={t("nav.rules")}
            rows={rows}
            columns={columns}
            idOf={(row) => row.key}
            cursor={cursor}
            onCursor={setCursor}
            rowHeight={48}
            onOpen={(row) => row.state !== "refused" && go(href("/alerts", { rule: row.rule.id, status: "all" }))}
            empty={
              q || state ? (
                <Empty kind="filtered" title={t("rules.empty.filtered")} action={<ActButton onClick={() => setFilters({ q: null, state: null })}>{t("filter.clear")}</ActButton>} />
              ) : (
                <Empty kind="nothing" title={t("rules.empty.nothing")}>
                  {t("rules.empty.nothingWhy")}
                </Empty>
              )
            }
          />
        )}
      </Ask>
    </div>
  );
}

export const view: View = {
  path: "/rules",
  title: "nav.rules",
  permission: "rules.read",
  Component: Rules,
  rail: { group: "estate", order: 5, icon: "rule", key: "l" },
};
