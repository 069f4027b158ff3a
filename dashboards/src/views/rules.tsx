// /rules — what is watched for: the rules that run, and those that were refused with the reason.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get } from "../api/client";
import type { Level, Rule, Rules as RulePage } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { go, href, useFilters } from "../app/route";
import { count, folded } from "../app/text";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { Empty } from "../parts/empty";
import { type Column, Grid } from "../parts/grid";
import { useLoose } from "../parts/history";
import { Ask } from "../parts/panel";
import { LEVELS, Severity } from "../parts/severity";
import { Text } from "../parts/text";

function source(rule: Rule): string {
  return Object.values(rule.logsource).filter(Boolean).join(" / ");
}

function Rules() {
  const { t, pick, language } = useWords();
  const loose = useLoose();
  const [filters, setFilters] = useFilters();
  const q = filters.get("q") ?? "";
  const state = filters.get("state") ?? "";
  const query = useQuery({ queryKey: ["rules"], queryFn: ({ signal }) => get<RulePage>("/rules", {}, signal) });
  const [cursor, setCursor] = useState<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useTitle(t("nav.rules"));
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void query.refetch() },
    Escape: { run: () => search.current?.blur() },
  });
  const all = query.data?.items ?? [];
  const rows = useMemo(() => {
    const words = folded(q).split(/\s+/).filter(Boolean);
    return (query.data?.items ?? []).filter((rule) => {
      if (state && rule.state !== state) return false;
      const text = folded([rule.id, rule.title?.vi, rule.title?.en, source(rule), ...rule.techniques].join(" "));
      return words.every((word) => text.includes(word));
    });
  }, [query.data, q, state]);
  const columns = useMemo<Column<Rule>[]>(
    () => [
      { id: "state", header: t("column.status"), width: "116px", sort: (row) => row.state, cell: (row) => <Tag tone={row.state === "running" ? "ok" : "bad"}>{t(`ruleState.${row.state}`)}</Tag> },
      { id: "level", header: t("column.level"), width: "136px", sort: (row) => LEVELS.indexOf(row.level as Level), cell: (row) => LEVELS.includes(row.level as Level) && <Severity level={row.level as Level} /> },
      {
        id: "title",
        header: t("column.rule"),
        width: "minmax(240px, 1fr)",
        sort: (row) => pick(row.title) || row.id,
        cell: (row) => (
          <div className="two-lines">
            <div className="one-line row-title">
              <Text>{pick(row.title) || row.id}</Text>
            </div>
            {row.reason && (
              <div className="one-line bad-text">
                <Text>{row.reason}</Text>
              </div>
            )}
          </div>
        ),
      },
      { id: "kind", header: t("column.kind"), width: "112px", from: 900, sort: (row) => row.kind, cell: (row) => loose("kind", row.kind) },
      { id: "source", header: t("column.source"), width: "200px", from: 1050, sort: source, cell: (row) => <Text>{source(row)}</Text> },
      { id: "techniques", header: "ATT&CK", width: "156px", from: 1200, cell: (row) => <span className="figures one-line">{row.techniques.join(", ")}</span> },
      { id: "hits", header: t("column.hits"), width: "112px", end: true, from: 700, sort: (row) => row.hits_24h, cell: (row) => <span className="figures">{count(row.hits_24h, language)}</span> },
    ],
    [t, pick, loose, language],
  );
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("nav.rules")}</h1>
        <span className="muted">
          <span className="figures">{count(rows.length, language)}</span> {t("rules.shown")}
        </span>
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
          {(["", "running", "refused"] as const).map((value) => (
            <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value || null })}>
              {value ? t(`ruleState.${value}`) : t("rules.all")}
              <span className="figures tab-count">{count(value ? all.filter((rule) => rule.state === value).length : all.length, language)}</span>
            </button>
          ))}
        </div>
      </div>
      <Ask query={query} rows={10}>
        {() => (
          <Grid
            label={t("nav.rules")}
            rows={rows}
            columns={columns}
            idOf={(row) => row.id}
            cursor={cursor}
            onCursor={setCursor}
            rowHeight={48}
            onOpen={(row) => go(href("/alerts", { rule: row.id, status: "all" }))}
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
  rail: { order: 5, icon: "rule", key: "l" },
};
