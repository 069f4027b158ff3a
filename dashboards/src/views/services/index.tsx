// /services — what does not answer now, first; every service with its 90 days; certificates, planned work, the board.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { address, get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { shortOf } from "../../app/time";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { KeyHints } from "../../parts/hints";
import { Loading, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Total } from "../../parts/total";
import { DayBar, Legend } from "./bars";
import { Board } from "./board";
import { PlanDialog, Windows } from "./plan";
import type { ServicePage, ServiceShort } from "./types";
import { CertificateDays, Latency, Share, StateTag, useReason } from "./words";
import "./services.css";

const STATES = ["", "down", "suspect", "slow", "unknown", "maintenance", "up"] as const;
const WITHIN = [7, 14, 30, 90] as const;
const PROBE = `[probe]
services = [{ id = "cong-dvc", name = "…", system = "cong-dvc",
              kind = "http", target = "https://dichvucong.example.gov.vn/",
              every_s = 60, timeout_s = 10, slow_ms = 2000 }]`;

function Services() {
  const { t } = useWords();
  const { can, me } = useSession();
  const [filters, setFilters] = useFilters();
  const tab = filters.get("tab") ?? "list";
  const [planning, setPlanning] = useState(false);
  useTitle(t("services.title"));
  const tabs = ["list", "certificates", "maintenance", ...(can("national.read") && me.node.role === "national" ? ["board" as const] : [])] as const;
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("services.title")}</h1>
        <div className="tabs" role="group" aria-label={t("services.title")}>
          {tabs.map((value) => (
            <button key={value} type="button" aria-pressed={tab === value} onClick={() => setFilters({ tab: value === "list" ? null : value, state: null, q: null, sort: null })}>
              {t(`services.tab.${value}`)}
            </button>
          ))}
        </div>
        <div className="spread" />
        {(tab === "list" || tab === "certificates") && (
          <a className="button" href={address("/services/export", asked(filters, tab === "certificates"))} download>
            {t("services.export")}
          </a>
        )}
        {can("services.manage") && tab !== "board" && <ActButton onClick={() => setPlanning(true)}>{t("services.plan")}</ActButton>}
      </header>
      {tab === "board" ? <Board /> : tab === "maintenance" ? <Windows onPlan={() => setPlanning(true)} /> : <List certificates={tab === "certificates"} key={tab} />}
      {planning && <PlanDialog chosen={[]} onClose={() => setPlanning(false)} />}
    </div>
  );
}

/** What the list asks the server for, and the file for a spreadsheet with it. */
function asked(filters: URLSearchParams, certificates: boolean) {
  return {
    state: filters.get("state") ?? "",
    q: filters.get("q") ?? "",
    sort: filters.get("sort") ?? (certificates ? "certificate" : "state"),
    ...(certificates ? { certificate: Number(filters.get("within") ?? 30) } : {}),
  };
}

function List({ certificates }: { certificates: boolean }) {
  const { t } = useWords();
  const agencyName = useAgencyName();
  const reason = useReason();
  const [filters, setFilters] = useFilters();
  const state = filters.get("state") ?? "";
  const q = filters.get("q") ?? "";
  const within = Number(filters.get("within") ?? 30);
  const wanted = asked(filters, certificates);
  const query = useInfiniteQuery({
    queryKey: ["services", "list", wanted],
    queryFn: ({ pageParam, signal }) => get<ServicePage>("/services", { ...wanted, limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 30_000,
    placeholderData: (before) => before,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const [first] = query.data?.pages ?? [];
  const [cursor, setCursor] = useState<string | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const narrow = useNarrow(900);
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void query.refetch() },
  });
  const columns = useMemo<Column<ServiceShort>[]>(
    () => [
      { id: "state", header: t("services.column.state"), width: "144px", sort: (row) => row.state, cell: (row) => <StateTag state={row.state} /> },
      {
        id: "name",
        header: t("services.column.name"),
        width: "minmax(150px, 1.2fr)",
        sort: (row) => row.name,
        cell: (row) => (
          <span className="two-lines">
            <span className="row-title one-line">
              <Text>{row.name}</Text>
            </span>
            <span className="muted one-line">
              {row.state !== "up" && row.reason ? reason(row.reason) : row.system ? <Text>{row.system.name}</Text> : <Text mono>{row.host}</Text>}
            </span>
          </span>
        ),
      },
      { id: "bar", header: t(narrow ? "services.column.barShort" : "services.column.bar"), width: narrow ? "132px" : "minmax(160px, 230px)", from: 620, cell: (row) => <DayBar days={row.days} last={narrow ? 30 : 90} /> },
      { id: "availability", header: t("services.column.availability"), width: "236px", from: 980, sort: (row) => row.availability.share ?? 2, cell: (row) => <Share of={row.availability} /> },
      { id: "latency", header: t("services.column.latency"), width: "132px", end: true, from: 1120, cell: (row) => <Latency ms={row.latency_ms} /> },
      { id: "certificate", header: t("services.column.certificate"), width: "128px", from: certificates ? 0 : 760, sort: (row) => row.certificate_days ?? 1e9, cell: (row) => <CertificateDays days={row.certificate_days} at={row.certificate_expires_at} /> },
      { id: "since", header: t("services.column.since"), width: "112px", from: 460, sort: (row) => row.since, cell: (row) => <Time at={row.since} short /> },
      { id: "agency", header: t("services.column.agency"), width: "160px", from: 1420, cell: (row) => <Text>{agencyName(row.agency)}</Text> },
    ],
    [t, agencyName, narrow, certificates, reason],
  );
  return (
    <>
      {first?.windows.map((window) => (
        <p key={window.id} className="window-banner" role="status">
          {t("services.banner", { until: shortOf(window.until, Date.now()), note: window.note })}
        </p>
      ))}
      <div className="filters">
        {certificates ? (
          <div className="tabs" role="group" aria-label={t("services.within")}>
            {WITHIN.map((days) => (
              <button key={days} type="button" aria-pressed={within === days} onClick={() => setFilters({ within: String(days) })}>
                {t("services.withinDays", { count: days })}
              </button>
            ))}
          </div>
        ) : (
          <div className="tabs" role="group" aria-label={t("services.column.state")}>
            {STATES.map((value) => (
              <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value || null })}>
                {value ? t(`services.state.${value}`) : t("services.all")}
                {value && first && <span className="tab-count figures">{first.states[value] ?? 0}</span>}
              </button>
            ))}
          </div>
        )}
        <input
          ref={search}
          type="search"
          className="search"
          aria-label={t("services.search")}
          placeholder={`${t("services.search")}  ( / )`}
          defaultValue={q}
          key={q}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.nativeEvent.isComposing) setFilters({ q: event.currentTarget.value.trim().normalize("NFC") || null });
          }}
        />
        {first && (
          <Total of="services.shown" total={first.total} />
        )}
      </div>
      {query.isPending ? (
        <Loading rows={8} />
      ) : query.isError && !first ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : (
        <Grid
          label={t("services.title")}
          rows={rows}
          columns={columns}
          idOf={(row) => row.id}
          cursor={cursor}
          onCursor={setCursor}
          rowHeight={56}
          order={wanted.sort}
          onOrder={(order) => setFilters({ sort: order })}
          onOpen={(row, apart) => (apart ? window.open(href(`/services/${row.id}`), "_blank", "noopener") : go(href(`/services/${row.id}`)))}
          more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
          empty={
            state || q ? (
              <Empty kind="filtered" title={t("services.emptyFiltered")} action={<ActButton onClick={() => setFilters({ state: null, q: null })}>{t("filter.clear")}</ActButton>} />
            ) : certificates ? (
              <Empty kind="done" title={t("services.certificatesNone")} />
            ) : (
              <Empty kind="nothing" title={t("services.empty")} action={<pre className="command figures probe-lines">{PROBE}</pre>}>
                {t("services.emptyWhy")}
              </Empty>
            )
          }
        />
      )}
      {rows.length > 0 && !certificates && <Legend />}
      <KeyHints />
    </>
  );
}

function useNarrow(below: number) {
  const wanted = `(max-width: ${below}px)`;
  const [narrow, setNarrow] = useState(() => window.matchMedia(wanted).matches);
  useEffect(() => {
    const media = window.matchMedia(wanted);
    const look = () => setNarrow(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, [wanted]);
  return narrow;
}

export const view: View = {
  path: "/services",
  title: "services.title",
  permission: "services.read",
  Component: Services,
  rail: { group: "watch", order: 3, icon: "service", key: "v" },
};
