// /clocks — every deadline that runs, soonest first and overdue on top; the calendar, the rules, the letter head.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { Loading, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Calendar } from "./calendar";
import { ClockState, Countdown, Gone, Source, useNow } from "./countdown";
import { Organisations } from "./organisation";
import { Rules } from "./rules";
import type { Clock, ClockList } from "./types";
import "./clocks.css";

const TABS = ["due", "calendar", "rules", "organisation"] as const;
const STATES = ["", "overdue", "running", "met", "void"] as const;

function Due() {
  const { t, pick, language } = useWords();
  const agencyName = useAgencyName();
  const now = useNow();
  const [filters, setFilters] = useFilters();
  const [state, agency] = [filters.get("state") ?? "", filters.get("agency") ?? ""];
  const [cursor, setCursor] = useState<string | null>(null);
  const query = useInfiniteQuery({
    queryKey: ["clocks", "due", state, agency],
    queryFn: ({ pageParam, signal }) => get<ClockList>("/clocks", { kind: "incident", state, agency, limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 60_000,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const agencies = useMemo(() => [...new Set([...(agency ? [agency] : []), ...rows.map((row) => row.agency)])].sort(), [rows, agency]);
  useKeys({ r: { label: "keys.refresh", run: () => void query.refetch() } });
  const columns: Column<Clock>[] = [
    { id: "state", header: t("column.status"), width: "152px", from: 640, sort: (row) => row.due_at, cell: (row) => <ClockState clock={row} now={now} /> },
    { id: "left", header: t("clocks.column.left"), width: "172px", sort: (row) => row.due_at, cell: (row) => <span className="two-lines"><Countdown clock={row} now={now} /><Gone clock={row} now={now} /></span> },
    {
      id: "rule",
      header: t("clocks.column.rule"),
      width: "minmax(120px, 1.4fr)",
      sort: (row) => pick(row.text),
      cell: (row) => (
        <span className="two-lines" title={`${pick(row.text)} · ${row.source}`}>
          <span className="row-title">
            <Text>{pick(row.text)}</Text>
          </span>
          <span className="row-title">
            <Source of={row} />
          </span>
        </span>
      ),
    },
    {
      id: "incident",
      header: t("column.incident"),
      width: "minmax(120px, 1fr)",
      from: 700,
      sort: (row) => row.incident?.id ?? "",
      cell: (row) => (
        <span className="two-lines">
          <span className="row-title">
            <Text>{row.incident?.title ?? ""}</Text>
          </span>
          <span className="figures muted">{row.incident?.id}</span>
        </span>
      ),
    },
    { id: "due", header: t("clocks.column.due"), width: "128px", from: 900, sort: (row) => row.due_at, cell: (row) => <Time at={row.due_at} short /> },
    { id: "agency", header: t("column.agency"), width: "150px", from: 1150, sort: (row) => agencyName(row.agency), cell: (row) => <Text>{agencyName(row.agency)}</Text> },
  ];
  const [first] = query.data?.pages ?? [];
  return (
    <>
      <div className="filters">
        <div className="tabs" role="group" aria-label={t("column.status")}>
          {STATES.map((value) => (
            <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value || null })}>
              {value ? t(`clocks.state.${value}`) : t("clocks.open")}
              {value === "overdue" && first && first.overdue > 0 && <span className="tab-count figures">{count(first.overdue, language)}</span>}
            </button>
          ))}
        </div>
        {agencies.length > 1 && (
          <label className="inline-field">
            <span>{t("column.agency")}</span>
            <select value={agency} onChange={(event) => setFilters({ agency: event.target.value || null })}>
              <option value="">{t("clocks.all")}</option>
              {agencies.map((code) => (
                <option key={code} value={code}>
                  {agencyName(code)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {query.isPending ? (
        <Loading rows={8} />
      ) : query.isError && !first ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : (
        <Grid
          label={t("clocks.title")}
          rows={rows}
          columns={columns}
          idOf={(row) => String(row.id)}
          cursor={cursor}
          onCursor={setCursor}
          rowHeight={60}
          onOpen={(row, apart) => {
            const where = href(`/incidents/${row.incident?.id ?? ""}`);
            if (apart) window.open(where, "_blank", "noopener");
            else go(where);
          }}
          more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
          empty={
            state || agency ? (
              <Empty kind="filtered" title={t("clocks.empty.filtered")} action={<ActButton onClick={() => setFilters({ state: null, agency: null })}>{t("filter.clear")}</ActButton>} />
            ) : (
              <Empty kind="done" title={t("clocks.empty.done")} action={<a className="button" href={href("/incidents")}>{t("nav.incidents")}</a>}>
                {t("clocks.empty.doneWhy")}
              </Empty>
            )
          }
        />
      )}
    </>
  );
}

function Clocks() {
  const { t } = useWords();
  const { can } = useSession();
  const [filters, setFilters] = useFilters();
  const offered = TABS.filter((tab) => tab !== "organisation" || can("inventory.read"));
  const tab = offered.find((one) => one === filters.get("tab")) ?? "due";
  useTitle(t("clocks.title"));
  return (
    <div className="page page-list page-clocks">
      <header className="page-head page-head-row">
        <h1>{t("clocks.title")}</h1>
        <div className="tabs" role="group" aria-label={t("clocks.title")}>
          {offered.map((one) => (
            <button key={one} type="button" aria-pressed={tab === one} onClick={() => setFilters({ tab: one === "due" ? null : one, state: null })}>
              {t(`clocks.tab.${one}`)}
            </button>
          ))}
        </div>
      </header>
      {tab === "due" && <Due />}
      {tab === "calendar" && <Calendar />}
      {tab === "rules" && <Rules />}
      {tab === "organisation" && <Organisations />}
    </div>
  );
}

export const view: View = {
  path: "/clocks",
  title: "clocks.title",
  permission: "incidents.read",
  Component: Clocks,
  rail: { group: "watch", order: 5, icon: "clock", key: "d" },
};
