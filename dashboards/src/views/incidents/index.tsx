// /incidents — the incidents of the agencies this user sees, and how far each has come to the centre.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get } from "../../api/client";
import type { IncidentShort, Page } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { go, href, useFilters } from "../../app/route";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { DeliveryTag } from "../../parts/delivery";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { KeyHints } from "../../parts/hints";
import { Loading, Trouble } from "../../parts/panel";
import { Severity } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Total } from "../../parts/total";
import { RemindersLink } from "./reminders_link";

const STATES = ["", "open", "investigating", "contained", "resolved", "closed"] as const;

function Incidents() {
  const { t } = useWords();
  const agencyName = useAgencyName();
  const [filters, setFilters] = useFilters();
  const state = filters.get("state") ?? "";
  const q = filters.get("q") ?? "";
  const query = useInfiniteQuery({
    queryKey: ["incidents", state, q],
    queryFn: ({ pageParam, signal }) => get<Page<IncidentShort>>("/incidents", { state, q, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const [cursor, setCursor] = useState<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useTitle(t("nav.incidents"));
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void query.refetch() },
  });
  const columns = useMemo<Column<IncidentShort>[]>(
    () => [
      { id: "level", header: t("column.level"), width: "132px", cell: (row) => <Severity level={row.level} /> },
      { id: "id", header: t("column.id"), width: "144px", from: 560, cell: (row) => <span className="figures">{row.id}</span> },
      {
        id: "title",
        header: t("column.incident"),
        width: "minmax(160px, 1fr)",
        cell: (row) => (
          <span className="row-title one-line">
            <Text>{row.title}</Text>
          </span>
        ),
      },
      { id: "alerts", header: t("column.alerts"), width: "96px", end: true, from: 900, cell: (row) => <span className="figures">{row.alerts_count}</span> },
      { id: "state", header: t("column.status"), width: "132px", from: 480, cell: (row) => <Tag tone={row.state === "closed" || row.state === "resolved" ? "ok" : "info"}>{t(`incidentState.${row.state}`)}</Tag> },
      { id: "delivery", header: t("column.delivery"), width: "172px", from: 780, cell: (row) => <DeliveryTag delivery={row.delivery} /> },
      { id: "agency", header: t("column.agency"), width: "132px", from: 1400, cell: (row) => <Text>{agencyName(row.agency)}</Text> },
      { id: "coordinator", header: t("column.coordinator"), width: "140px", from: 1300, cell: (row) => <Text>{row.coordinator.name}</Text> },
      { id: "last", header: t("column.last"), width: "112px", from: 660, cell: (row) => <Time at={row.last_seen} short /> },
    ],
    [t, agencyName],
  );
  const [first] = query.data?.pages ?? [];
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("nav.incidents")}</h1>
        <RemindersLink />
        {first && (
          <Total of="incidents.shown" total={first.total} />
        )}
        <div className="spread" />
        <input
          ref={search}
          type="search"
          className="search"
          aria-label={t("incidents.search")}
          placeholder={`${t("incidents.search")}  ( / )`}
          defaultValue={q}
          key={q}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.nativeEvent.isComposing) setFilters({ q: event.currentTarget.value.trim().normalize("NFC") || null });
          }}
        />
      </header>
      <div className="filters">
        <div className="tabs" role="group" aria-label={t("column.status")}>
          {STATES.map((value) => (
            <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value || null })}>
              {value ? t(`incidentState.${value}`) : t("incidents.all")}
            </button>
          ))}
        </div>
      </div>
      {query.isPending ? (
        <Loading rows={8} />
      ) : query.isError && !first ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : (
        <Grid
          label={t("nav.incidents")}
          rows={rows}
          columns={columns}
          idOf={(row) => row.id}
          cursor={cursor}
          onCursor={setCursor}
          rowHeight={44}
          onOpen={(row, apart) => (apart ? window.open(href(`/incidents/${row.id}`), "_blank", "noopener") : go(href(`/incidents/${row.id}`)))}
          more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
          empty={
            state || q ? (
              <Empty kind="filtered" title={t("incidents.empty.filtered")} action={<ActButton onClick={() => setFilters({ state: null, q: null })}>{t("filter.clear")}</ActButton>} />
            ) : (
              <Empty kind="nothing" title={t("incidents.empty.nothing")} action={<a className="button" href={href("/alerts")}>{t("nav.alerts")}</a>}>
                {t("incidents.empty.nothingWhy")}
              </Empty>
            )
          }
        />
      )}
      <KeyHints />
    </div>
  );
}

export const view: View = {
  path: "/incidents",
  title: "nav.incidents",
  permission: "incidents.read",
  Component: Incidents,
  rail: { group: "watch", order: 2, icon: "incident", key: "i" },
};
