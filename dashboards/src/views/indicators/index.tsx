// /indicators — addresses, names, hashes and URLs that others have found bad: what is watched for, what was met, from whom
// it comes; a list is pasted, previewed and taken in; what is stored is looked through backwards.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { KeyHints } from "../../parts/hints";
import { Loading, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago } from "../../parts/time";
import { Total } from "../../parts/total";
import { PasteDialog } from "./paste";
import { RemoveDialog } from "./remove";
import { SourceList } from "./sources";
import { SweepList } from "./sweeps";
import { type Indicator, type IndicatorPage, useSources } from "./types";
import "./indicators.css";

const TABS = ["values", "sources", "sweeps"] as const;

function Indicators() {
  const { t, pick, language } = useWords();
  const { can } = useSession();
  const manage = can("indicators.manage");
  const [filters, setFilters] = useFilters();
  const tab = TABS.find((value) => value === filters.get("tab")) ?? "values";
  const q = filters.get("q") ?? "";
  const asked = useMemo(() => ({ q, kind: filters.get("kind"), source: filters.get("source"), seen: filters.get("seen") === "true" ? true : null }), [filters, q]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [pasting, setPasting] = useState(false);
  const [removing, setRemoving] = useState<Indicator | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useTitle(t("indicators.title"));
  const rows = useInfiniteQuery({
    queryKey: ["indicators", "values", asked],
    queryFn: ({ pageParam, signal }) => get<IndicatorPage>("/indicators", { ...asked, limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
    enabled: tab === "values",
  });
  const sources = useSources();
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void Promise.all([rows.refetch(), sources.refetch()]) },
  });
  const items = useMemo(() => rows.data?.pages.flatMap((page) => page.items) ?? [], [rows.data]);
  const total = rows.data?.pages[0]?.total;
  const kinds = sources.data?.kinds;
  const columns = useMemo<Column<Indicator>[]>(
    () => [
      {
        id: "value",
        header: t("indicators.value"),
        width: "minmax(180px, 1fr)",
        cell: (row) => (
          <span className="one-line" title={row.note ? `${row.value}\n${row.note}` : row.value}>
            <Text mono>{row.value}</Text> {row.ended && <Tag tone="plain">{t("indicators.ended")}</Tag>}{" "}
            {row.allowed && (
              <Tag tone="warn" title={t("indicators.allowedWhy")}>
                {t("indicators.allowed")}
              </Tag>
            )}
          </span>
        ),
      },
      { id: "kind", header: t("column.kind"), width: "138px", from: 700, cell: (row) => pick(kinds?.[row.kind]) || row.kind },
      { id: "seen", header: t("indicators.seen"), width: "112px", end: true, cell: (row) => <span className={row.seen ? "figures" : "figures muted"}>{count(row.seen, language)}</span> },
      { id: "last", header: t("indicators.lastSeen"), width: "128px", from: 620, cell: (row) => (row.last_seen ? <Ago at={row.last_seen} /> : <span className="muted">—</span>) },
      { id: "source", header: t("indicators.source"), width: "minmax(140px, 0.6fr)", from: 860, cell: (row) => <span className="one-line" title={row.source_name}><Text>{row.source_name}</Text></span> },
      { id: "tlp", header: t("indicators.tlp"), width: "150px", from: 1100, cell: (row) => <span className="figures">{`TLP:${row.tlp.toUpperCase()}`}</span> },
      ...(manage
        ? [
            {
              id: "acts",
              header: "",
              width: "100px",
              from: 520,
              cell: (row: Indicator) => (
                <ActButton tone="quiet" aria-label={`${t("indicators.remove")} ${row.value}`} onClick={() => setRemoving(row)}>
                  {t("indicators.remove")}
                </ActButton>
              ),
            },
          ]
        : []),
    ],
    [t, pick, language, kinds, manage],
  );
  const filtered = Boolean(q || asked.kind || asked.source || asked.seen);
  const nothing = tab === "values" && total === 0 && !filtered; // the empty list has the button in its middle
  const empty = filtered ? (
    <Empty kind="filtered" title={t("indicators.empty.filtered")} action={<ActButton onClick={() => setFilters({ q: null, kind: null, source: null, seen: null })}>{t("filter.clear")}</ActButton>} />
  ) : (
    <Empty
      kind="nothing"
      title={t("indicators.empty.title")}
      action={
        manage ? (
          <ActButton tone="main" onClick={() => setPasting(true)}>
            {t("indicators.paste.open")}
          </ActButton>
        ) : undefined
      }
    >
      {t("indicators.empty.why")}
    </Empty>
  );
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("indicators.title")}</h1>
        {tab === "values" && total !== undefined && <Total of="indicators.shown" total={total} />}
        {sources.data && (
          <span className="muted">
            {t("indicators.inForce")} <span className="figures">{count(sources.data.in_force, language)}</span>
          </span>
        )}
        <div className="spread" />
        {tab === "values" && (
          <input
            ref={search}
            type="search"
            className="search"
            spellCheck={false}
            autoComplete="off"
            aria-label={t("indicators.search")}
            placeholder={`${t("indicators.search")}  ( / )`}
            defaultValue={q}
            key={q}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.nativeEvent.isComposing) setFilters({ q: event.currentTarget.value.trim() || null });
            }}
          />
        )}
      </header>
      <div className="filters indicator-filters">
        <div className="tabs" role="group" aria-label={t("indicators.lists")}>
          {TABS.map((value) => (
            <button key={value} type="button" aria-pressed={tab === value} onClick={() => setFilters({ tab: value === "values" ? null : value, q: null, kind: null, source: null, seen: null })}>
              {t(`indicators.tab.${value}`)}
            </button>
          ))}
        </div>
        {tab === "values" && (
          <>
            <select aria-label={t("column.kind")} value={filters.get("kind") ?? ""} onChange={(event) => setFilters({ kind: event.target.value || null })}>
              <option value="">{t("indicators.allKinds")}</option>
              {Object.entries(kinds ?? {}).map(([kind, words]) => (
                <option key={kind} value={kind}>
                  {pick(words)}
                </option>
              ))}
            </select>
            <select aria-label={t("indicators.source")} value={filters.get("source") ?? ""} onChange={(event) => setFilters({ source: event.target.value || null })}>
              <option value="">{t("indicators.allSources")}</option>
              {(sources.data?.items ?? []).map((source) => (
                <option key={source.id} value={String(source.id)}>
                  {source.name}
                </option>
              ))}
            </select>
            <label className="check">
              <input type="checkbox" checked={asked.seen === true} onChange={(event) => setFilters({ seen: event.target.checked ? "true" : null })} /> {t("indicators.onlySeen")}
            </label>
          </>
        )}
        <div className="spread" />
        {manage && !nothing && (
          <ActButton tone="main" onClick={() => setPasting(true)}>
            {t("indicators.paste.open")}
          </ActButton>
        )}
      </div>
      {tab === "sources" ? (
        <SourceList />
      ) : tab === "sweeps" ? (
        <SweepList />
      ) : rows.isPending ? (
        <Loading rows={8} />
      ) : rows.isError && !rows.data ? (
        <Trouble error={rows.error} retry={() => void rows.refetch()} />
      ) : (
        <Grid
          label={t("indicators.title")}
          rows={items}
          columns={columns}
          idOf={(row) => String(row.id)}
          cursor={cursor}
          onCursor={setCursor}
          rowHeight={44}
          onOpen={(row) => go(href("/alerts", { q: row.value, status: "all" }))}
          more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
          empty={empty}
        />
      )}
      {tab === "values" && <KeyHints />}
      {removing && (
        <RemoveDialog
          title={t("indicators.removeValueTitle")}
          what={<Text mono>{removing.value}</Text>}
          then={t("indicators.removeValueWhat", { source: removing.source_name })}
          path={`/indicators/${removing.id}/remove`}
          onClose={() => setRemoving(null)}
        />
      )}
      {pasting && <PasteDialog onClose={() => setPasting(false)} />}
    </div>
  );
}

export const view: View = {
  path: "/indicators",
  title: "indicators.title",
  permission: "rules.read",
  Component: Indicators,
  rail: { group: "estate", order: 6, icon: "indicator", key: "x" },
};
