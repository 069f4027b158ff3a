// /inventory — the information systems of the agencies this user sees and the assets behind them; what gives data, what not.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { address, get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Grade } from "../../parts/grade";
import { type Column, Grid } from "../../parts/grid";
import { KeyHints } from "../../parts/hints";
import { Loading, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago } from "../../parts/time";
import { Total } from "../../parts/total";
import { ImportDialog } from "./file";
import { AssetForm, RetireDialog, SystemForm } from "./forms";
import { Sensed, SystemPane } from "./pane";
import type { Asset, AssetPage, Kind, SystemPage, SystemRow } from "./types";
import "./inventory.css";

const NO_KINDS: readonly Kind[] = [];

function Chart({ page }: { page: SystemPage }) {
  const { t, language } = useWords();
  const most = Math.max(1, ...page.sensed.map((row) => row.systems));
  const rows = [...page.sensed].sort((a, b) => b.grade - a.grade);
  return (
    <section className="grade-chart" aria-label={t("inventory.chart")}>
      <p className="grade-chart-key muted">
        <span className="key-sensed" aria-hidden="true" /> {t("inventory.sensed")}
        <span className="key-unsensed" aria-hidden="true" /> {t("inventory.unsensed")}
      </p>
      <ul>
        {rows.map((row) => {
          const grade = row.grade ? t("inventory.grade.of", { grade: row.grade }) : t("inventory.grade.none");
          return (
            <li key={row.grade}>
              <Grade grade={row.grade || null} />
              <svg viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label={t("inventory.chartRow", { grade, sensed: row.sensed, systems: row.systems })}>
                <rect className="bar-unsensed" x="0" y="1" width={(100 * row.systems) / most} height="10" />
                <rect className="bar-sensed" x="0" y="1" width={(100 * row.sensed) / most} height="10" />
              </svg>
              <span className="figures">
                {count(row.sensed, language)}/{count(row.systems, language)}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Inventory() {
  const { t, pick, language } = useWords();
  const { can } = useSession();
  const agencyName = useAgencyName();
  const [filters, setFilters] = useFilters();
  const tab = filters.get("tab") === "assets" ? "assets" : "systems";
  const q = filters.get("q") ?? "";
  const asked = useMemo(
    () => ({ q, kind: filters.get("kind"), grade: filters.get("grade"), agency: filters.get("agency"), state: filters.get("state") ?? "live" }),
    [filters, q],
  );
  const openId = filters.get("open");
  const manage = can("inventory.manage");
  const systems = useInfiniteQuery({
    queryKey: ["inventory", "systems", asked],
    queryFn: ({ pageParam, signal }) => get<SystemPage>("/systems", { ...asked, limit: 200, cursor: pageParam, sort: "-grade" }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });
  const assets = useInfiniteQuery({
    queryKey: ["inventory", "assets", asked],
    queryFn: ({ pageParam, signal }) => {
      const { grade: _, ...rest } = asked;
      return get<AssetPage>("/assets", { ...rest, limit: 100, cursor: pageParam }, signal);
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    enabled: tab === "assets",
  });
  const agencies = useQuery({ queryKey: ["inventory", "agencies"], queryFn: ({ signal }) => get<SystemPage>("/systems", { limit: 200 }, signal), staleTime: 60_000 });
  const several = useMemo(() => [...new Set((agencies.data?.items ?? []).map((row) => row.agency))].sort(), [agencies.data]);
  const [first] = systems.data?.pages ?? [];
  const kinds = first?.kinds ?? NO_KINDS;
  const assetKinds = first?.asset_kinds ?? NO_KINDS;
  const systemRows = useMemo(() => systems.data?.pages.flatMap((page) => page.items) ?? [], [systems.data]);
  const assetRows = useMemo(() => assets.data?.pages.flatMap((page) => page.items) ?? [], [assets.data]);
  const [cursor, setCursor] = useState<string | null>(openId);
  const [asking, setAsking] = useState<"add" | "import" | { asset: Asset } | { retire: Asset } | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useTitle(t("inventory.title"));
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void (tab === "systems" ? systems.refetch() : assets.refetch()) },
  });
  const chosenKinds = tab === "systems" ? kinds : assetKinds;
  const kindName = useMemo(() => {
    const known = new Map([...assetKinds, ...kinds].map((kind) => [kind.code, kind]));
    return (code: string) => pick(known.get(code)) || code;
  }, [kinds, assetKinds, pick]);
  const assetKindName = useMemo(() => {
    const known = new Map(assetKinds.map((kind) => [kind.code, kind]));
    return (code: string) => pick(known.get(code)) || code;
  }, [assetKinds, pick]);
  const systemColumns = useMemo<Column<SystemRow>[]>(
    () => [
      { id: "grade", header: t("inventory.column.grade"), width: "104px", sort: (row) => row.grade ?? 0, cell: (row) => <Grade grade={row.grade} /> },
      {
        id: "name",
        header: t("inventory.column.name"),
        width: "minmax(160px, 1fr)",
        sort: (row) => row.name,
        cell: (row) => (
          <span className="one-line">
            <span className="row-title">
              <Text>{row.name}</Text>
            </span>
            {row.secret && (
              <Tag tone="bad" title={`${t("inventory.secret")}. ${t("inventory.secretWhy")}`}>
                {t("inventory.secretShort")}
              </Tag>
            )}
          </span>
        ),
      },
      { id: "kind", header: t("inventory.column.kind"), width: "minmax(120px, 240px)", from: 760, sort: (row) => kindName(row.kind), cell: (row) => <Text>{kindName(row.kind)}</Text> },
      { id: "data", header: t("inventory.column.data"), width: "220px", from: 560, sort: (row) => row.last_data_at ?? "", cell: (row) => <Sensed sensed={row.sensed} last={row.last_data_at} /> },
      { id: "assets", header: t("inventory.column.assets"), width: "92px", end: true, from: 900, sort: (row) => row.assets, cell: (row) => <span className="figures">{count(row.assets, language)}</span> },
      {
        id: "alerts",
        header: t("inventory.column.alerts"),
        width: "124px",
        end: true,
        from: 640,
        sort: (row) => row.open_alerts ?? -1,
        cell: (row) => (row.open_alerts === null ? <span className="muted">—</span> : <span className="figures">{count(row.open_alerts ?? 0, language)}</span>),
      },
      { id: "owner", header: t("inventory.column.owner"), width: "minmax(120px, 200px)", from: 1180, sort: (row) => row.owner, cell: (row) => <Text>{row.owner}</Text> },
      ...(several.length > 1
        ? [{ id: "agency", header: t("column.agency"), width: "132px", from: 1040, sort: (row: SystemRow) => agencyName(row.agency), cell: (row: SystemRow) => <Text>{agencyName(row.agency)}</Text> }]
        : []),
    ],
    [t, language, kindName, agencyName, several.length],
  );
  const assetColumns = useMemo<Column<Asset>[]>(
    () => [
      {
        id: "host",
        header: t("inventory.column.host"),
        width: "minmax(120px, 1fr)",
        sort: (row) => row.host,
        cell: (row) => (
          <span className="row-title one-line">
            <Text>{row.host}</Text>
          </span>
        ),
      },
      { id: "kind", header: t("inventory.column.kind"), width: "148px", from: 760, sort: (row) => assetKindName(row.kind), cell: (row) => assetKindName(row.kind) },
      {
        id: "addresses",
        header: t("inventory.column.addresses"),
        width: "minmax(140px, 1fr)",
        cell: (row) => (
          <span className="one-line" title={row.addresses.join("\n")}>
            <Text mono>{row.addresses.join(" ")}</Text>
          </span>
        ),
      },
      { id: "system", header: t("inventory.column.system"), width: "minmax(120px, 1fr)", from: 620, sort: (row) => row.system?.name ?? "", cell: (row) => (row.system ? <SystemName asset={row} /> : <span className="muted">—</span>) },
      { id: "last", header: t("inventory.column.last"), width: "150px", from: 900, sort: (row) => row.last_data_at ?? "", cell: (row) => <Ago at={row.last_data_at} /> },
      ...(manage
        ? [
            {
              id: "acts",
              header: "",
              width: "190px",
              from: 480,
              cell: (row: Asset) =>
                !row.retired_at && (
                  <span className="one-line">
                    <ActButton tone="quiet" aria-label={`${t("inventory.change")} ${row.host}`} onClick={() => setAsking({ asset: row })}>
                      {t("inventory.change")}
                    </ActButton>
                    <ActButton tone="quiet" aria-label={`${t("inventory.retire")} ${row.host}`} onClick={() => setAsking({ retire: row })}>
                      {t("inventory.retire")}
                    </ActButton>
                  </span>
                ),
            },
          ]
        : []),
    ],
    [t, assetKindName, manage],
  );
  const filtered = Boolean(q || filters.get("kind") || filters.get("grade") || filters.get("agency") || filters.get("state"));
  const total = tab === "systems" ? first?.total : assets.data?.pages[0]?.total;
  const query = tab === "systems" ? systems : assets;
  const empty = filtered ? (
    <Empty kind="filtered" title={t("inventory.empty.filtered")} action={<ActButton onClick={() => setFilters({ q: null, kind: null, grade: null, agency: null, state: null })}>{t("inventory.empty.clear")}</ActButton>} />
  ) : (
    <Empty
      kind="nothing"
      title={t(tab === "systems" ? "inventory.empty.title" : "inventory.empty.assets")}
      action={
        manage ? (
          <span className="acts">
            <ActButton tone="main" onClick={() => setAsking("import")}>
              {t("inventory.import")}
            </ActButton>
            <ActButton onClick={() => setAsking("add")}>{t(tab === "systems" ? "inventory.add" : "inventory.addAsset")}</ActButton>
          </span>
        ) : undefined
      }
    >
      {t(tab === "assets" ? "inventory.empty.assetsWhy" : manage ? "inventory.empty.why" : "inventory.empty.whyReader")}
    </Empty>
  );
  const choice = (name: "kind" | "grade" | "agency", label: string, all: string, options: readonly (readonly [string, string])[]) => (
    <select aria-label={label} value={filters.get(name) ?? ""} onChange={(event) => setFilters({ [name]: event.target.value || null })}>
      <option value="">{all}</option>
      {options.map(([value, word]) => (
        <option key={value} value={value}>
          {word}
        </option>
      ))}
    </select>
  );
  const counts = (tab === "systems" ? first?.counts : assets.data?.pages[0]?.counts) ?? {};
  const withCount = (name: "kind" | "grade", value: string, word: string) => `${word} (${count(counts[name]?.[value] ?? 0, language)})`;
  const open = tab === "systems" ? openId : null;
  return (
    <div className={open ? "split split-open" : "split"}>
      <div className="page page-list">
        <header className="page-head page-head-row">
          <h1>{t("inventory.title")}</h1>
          {total !== undefined && (
            <Total of={tab === "systems" ? "inventory.shown" : "inventory.assetsShown"} total={total} />
          )}
          <div className="spread" />
          <input
            ref={search}
            type="search"
            className="search"
            aria-label={t(tab === "systems" ? "inventory.search" : "inventory.searchAssets")}
            placeholder={`${t(tab === "systems" ? "inventory.search" : "inventory.searchAssets")}  ( / )`}
            defaultValue={q}
            key={`${tab} ${q}`}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.nativeEvent.isComposing) setFilters({ q: event.currentTarget.value.trim().normalize("NFC") || null });
            }}
          />
        </header>
        <div className="filters inventory-filters">
          <div className="tabs" role="group" aria-label={t("inventory.lists")}>
            {(["systems", "assets"] as const).map((value) => (
              <button key={value} type="button" aria-pressed={tab === value} onClick={() => setFilters({ tab: value === "systems" ? null : value, kind: null, grade: null, open: null })}>
                {t(`inventory.${value}`)}
              </button>
            ))}
          </div>
          {choice("kind", t("inventory.column.kind"), t("inventory.allKinds"), chosenKinds.map((kind) => [kind.code, withCount("kind", kind.code, pick(kind))] as const))}
          {tab === "systems" &&
            choice(
              "grade",
              t("inventory.grade.label"),
              t("inventory.allGrades"),
              ["5", "4", "3", "2", "1", "0"].map((grade) => [grade, withCount("grade", grade, grade === "0" ? t("inventory.grade.none") : t("inventory.grade.of", { grade }))] as const),
            )}
          {several.length > 1 && choice("agency", t("column.agency"), t("inventory.allAgencies"), several.map((code) => [code, agencyName(code)] as const))}
          <select aria-label={t("inventory.state")} value={filters.get("state") ?? ""} onChange={(event) => setFilters({ state: event.target.value || null })}>
            <option value="">{t("inventory.live")}</option>
            <option value="retired">{t("inventory.retiredToo")}</option>
          </select>
          <div className="spread" />
          <a className="button" href={address(`/${tab}/export`, { agency: filters.get("agency") })} download>
            {t("inventory.export")}
          </a>
          {manage && (
            <>
              <ActButton onClick={() => setAsking("import")}>{t("inventory.import")}</ActButton>
              <ActButton tone="main" onClick={() => setAsking("add")}>
                {t(tab === "systems" ? "inventory.add" : "inventory.addAsset")}
              </ActButton>
            </>
          )}
        </div>
        {tab === "systems" && !open && first && first.sensed.length > 0 && <Chart page={first} />}
        {query.isPending ? (
          <Loading rows={8} />
        ) : query.isError && !query.data ? (
          <Trouble error={query.error} retry={() => void query.refetch()} />
        ) : tab === "systems" ? (
          <Grid
            label={t("inventory.systems")}
            rows={systemRows}
            columns={systemColumns}
            idOf={(row) => row.id}
            cursor={cursor}
            onCursor={setCursor}
            rowHeight={44}
            openId={open}
            onOpen={(row) => setFilters({ open: openId === row.id ? null : row.id })}
            more={{ has: systems.hasNextPage, loading: systems.isFetchingNextPage, load: () => void systems.fetchNextPage() }}
            empty={empty}
          />
        ) : (
          <Grid
            label={t("inventory.assets")}
            rows={assetRows}
            columns={assetColumns}
            idOf={(row) => row.id}
            cursor={cursor}
            onCursor={setCursor}
            rowHeight={44}
            more={{ has: assets.hasNextPage, loading: assets.isFetchingNextPage, load: () => void assets.fetchNextPage() }}
            empty={empty}
          />
        )}
        <KeyHints />
      </div>
      {open && <SystemPane id={open} kinds={kinds} assetKinds={assetKinds} onClose={() => setFilters({ open: null })} />}
      {asking === "import" && <ImportDialog of={tab} onClose={() => setAsking(null)} />}
      {asking === "add" && tab === "systems" && (
        <SystemForm
          before={null}
          kinds={kinds}
          onClose={() => setAsking(null)}
          onDone={(row) => {
            setAsking(null);
            setFilters({ open: row.id });
          }}
        />
      )}
      {asking === "add" && tab === "assets" && <AssetForm before={null} kinds={assetKinds} onClose={() => setAsking(null)} onDone={() => setAsking(null)} />}
      {typeof asking === "object" && asking && "asset" in asking && <AssetForm before={asking.asset} kinds={assetKinds} onClose={() => setAsking(null)} onDone={() => setAsking(null)} />}
      {typeof asking === "object" && asking && "retire" in asking && (
        <RetireDialog path="/assets" id={asking.retire.id} name={asking.retire.host} revision={asking.retire.revision} onClose={() => setAsking(null)} />
      )}
    </div>
  );
}

function SystemName({ asset }: { asset: Asset }) {
  return (
    <span className="one-line">
      <Grade grade={asset.system?.grade ?? null} />
      <Text>{asset.system?.name ?? ""}</Text>
    </span>
  );
}

export const view: View = {
  path: "/inventory",
  title: "inventory.title",
  permission: "inventory.read",
  Component: Inventory,
  rail: { group: "estate", order: 1, icon: "inventory", key: "t" },
};
