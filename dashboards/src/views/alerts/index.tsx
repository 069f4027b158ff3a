// /alerts — the queue. Default: everything open, whatever its age, newest activity first. Filters live in the address;
// the pane follows the cursor; what arrives meanwhile waits behind a pill.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { get } from "../../api/client";
import type { Alert, AlertPage, AlertStatus, Level } from "../../api/types";
import { touched } from "../../app/cases";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count, isCode } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Grade, Priority } from "../../parts/grade";
import { type Column, Grid } from "../../parts/grid";
import { Icon } from "../../parts/icons";
import { KeyHints } from "../../parts/hints";
import { Loading, Trouble } from "../../parts/panel";
import { LEVELS, Severity, Shape } from "../../parts/severity";
import { Spark } from "../../parts/spark";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Total } from "../../parts/total";
import { AlertBody, AlertHeading, StatusTag } from "./detail";
import { useWorking } from "./working";

const STATUSES = ["open", "new", "claimed", "snoozed", "closed", "all"] as const;
type StatusFilter = (typeof STATUSES)[number];
const NONE: ReadonlySet<string> = new Set();
const DENSITY = "luytre.density";

function within(filter: StatusFilter, alert: Alert): boolean {
  if (filter === "all") return true;
  if (filter === "open") return alert.status === "new" || alert.status === "claimed";
  return alert.status === filter;
}

function useDensity(): [boolean, () => void] {
  const [roomy, setRoomy] = useState(() => {
    try {
      return window.localStorage.getItem(DENSITY) === "roomy";
    } catch {
      return false;
    }
  });
  const flip = () => {
    setRoomy(!roomy);
    try {
      window.localStorage.setItem(DENSITY, roomy ? "compact" : "roomy");
    } catch {
      // The choice then lasts as long as the page.
    }
  };
  return [roomy, flip];
}

function Entities({ alert }: { alert: Alert }) {
  const values = Object.keys(alert.group).length ? Object.values(alert.group) : Object.values(alert.entities).map(([first]) => first ?? "");
  const line = values.filter(Boolean).slice(0, 3).join(" · ");
  return (
    <span className="row-entities">
      <Text mono={isCode(line.replaceAll(" · ", ""))}>{line}</Text>
    </span>
  );
}

function Queue() {
  const { t, pick, language } = useWords();
  const { me } = useSession();
  const agencyName = useAgencyName();
  const [filters, setFilters] = useFilters();
  const [roomy, flipDensity] = useDensity();
  const status = (STATUSES.find((value) => value === filters.get("status")) ?? "open") satisfies StatusFilter;
  const order = filters.get("sort") ?? "-priority";
  const levels = useMemo(() => new Set((filters.get("level") ?? "").split(",").filter(Boolean)), [filters]);
  const openId = filters.get("open");
  const asked = useMemo(
    () => ({
      status,
      level: filters.get("level"),
      q: filters.get("q"),
      agency: filters.get("agency"),
      rule: filters.get("rule"),
      assignee: filters.get("assignee"),
      entity: filters.get("entity"),
      system: filters.get("system"),
      grade: filters.get("grade"),
    }),
    [filters, status],
  );
  const list = useInfiniteQuery({
    queryKey: ["alerts", asked, order],
    queryFn: ({ pageParam, signal }) => get<AlertPage>("/alerts", { ...asked, sort: order, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  // The newest by arrival: its counts move the numbers, its new ones fill the pill; the rows stay.
  const head = useQuery({
    queryKey: ["alerts-head", asked],
    queryFn: ({ signal }) => get<AlertPage>("/alerts", { ...asked, sort: "-first_seen", limit: 50 }, signal),
    enabled: list.isSuccess,
    refetchInterval: 60_000,
  });
  const pages = list.data?.pages;
  const loaded = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const rows = useMemo(() => loaded.filter((alert) => !touched.has(alert.id) || within(status, alert)), [loaded, status]);
  const [first] = pages ?? [];
  const fresh = useMemo(() => {
    if (!first || !head.data) return 0;
    const known = new Set(loaded.map((alert) => alert.id));
    return head.data.items.filter((alert) => alert.created_at > first.as_of && !known.has(alert.id)).length;
  }, [first, head.data, loaded]);
  // Where no row can be disturbed, what arrives is simply shown.
  useEffect(() => {
    if (fresh > 0 && rows.length === 0 && !list.isFetching) void list.refetch();
  }, [fresh, rows.length, list]);
  const counts = head.data?.counts ?? first?.counts;
  const total = head.data?.total ?? first?.total ?? 0;
  useTitle(t("nav.alerts"), fresh);

  const [cursor, setCursor] = useState<string | null>(openId);
  const [selected, setSelected] = useState<ReadonlySet<string>>(NONE);
  const chosen = useMemo(() => rows.filter((alert) => selected.has(alert.id)), [rows, selected]);
  const current = rows.find((alert) => alert.id === cursor);
  const place = rows.findIndex((alert) => alert.id === cursor);
  const moveCursor = useCallback(
    (id: string) => {
      setCursor(id);
      // The pane follows the cursor while it is open.
      if (openId && openId !== id) setFilters({ open: id });
    },
    [openId, setFilters],
  );
  const search = useRef<HTMLInputElement>(null);
  const work = useWorking(
    (step) => {
      const next = rows[Math.max(0, Math.min(place + step, rows.length - 1))];
      if (next) moveCursor(next.id);
    },
    () => setSelected(NONE),
  );
  const subjects = () => (chosen.length ? chosen : current ? [current] : []);
  const refresh = () => {
    void list.refetch();
    void head.refetch();
  };
  useKeys({
    ...work.keys(subjects),
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: refresh },
    u: { label: "keys.back", run: () => setFilters({ open: null }) },
    Escape: {
      label: "keys.escape",
      run: () => {
        if (openId) setFilters({ open: null });
        else setSelected(NONE);
      },
    },
  });
  // A link that names an open alert which is not in this list still shows it, on its own page.
  const opened = rows.find((alert) => alert.id === openId);

  const agencies = useMemo(() => new Set(loaded.map((alert) => alert.agency)), [loaded]);
  const columns = useMemo<Column<Alert>[]>(
    () => [
      { id: "level", header: t("column.level"), width: "132px", sort: () => 0, cell: (alert) => <Severity level={alert.level} /> },
      {
        id: "title",
        header: t("column.alert"),
        width: "minmax(0, 1fr)",
        cell: (alert) => (
          <div className="two-lines">
            <div className="one-line">
              {alert.system && alert.system.grade !== null && <Grade grade={alert.system.grade} />}
              <span className="row-title">
                <Text>{pick(alert.title)}</Text>
              </span>
              {alert.woken && <Tag tone="warn">{t("status.woken")}</Tag>}
              {!roomy && <Entities alert={alert} />}
            </div>
            {roomy && (
              <div className="one-line row-second">
                <Entities alert={alert} />
                <span className="row-reason">
                  <Text>{pick(alert.reason)}</Text>
                </span>
              </div>
            )}
          </div>
        ),
      },
      {
        id: "priority",
        header: t("inventory.byPriority"),
        width: "92px",
        end: true,
        from: 980,
        sort: () => 0,
        cell: (alert) => <Priority alert={alert} />,
      },
      {
        id: "count",
        header: t("column.count"),
        width: "76px",
        end: true,
        from: 420,
        sort: () => 0,
        cell: (alert) => <span className="figures">{count(alert.count, language)}</span>,
      },
      { id: "spark", header: t("column.day"), width: "112px", from: 900, cell: (alert) => <Spark values={alert.spark} /> },
      { id: "first_seen", header: t("column.first"), width: "112px", from: 1150, sort: () => 0, cell: (alert) => <Time at={alert.first_seen} short /> },
      { id: "last_seen", header: t("column.last"), width: "112px", from: 640, sort: () => 0, cell: (alert) => <Time at={alert.last_seen} short /> },
      ...(me.node.role === "national" || agencies.size > 1
        ? [{ id: "agency", header: t("column.agency"), width: "132px", from: 1050, cell: (alert: Alert) => <Text>{agencyName(alert.agency)}</Text> }]
        : []),
      { id: "status", header: t("column.status"), width: "148px", from: 820, cell: (alert) => (
          <span className="one-line">
            <StatusTag alert={alert} />
            {alert.incident_id && (
              <Tag tone="info" title={`${t("alert.incident")} ${alert.incident_id}`}>
                <Icon name="incident" />
              </Tag>
            )}
          </span>
        ),
      },
    ],
    [t, pick, language, roomy, agencies, me.node.role, agencyName],
  );

  const filtered = Boolean(asked.level || asked.q || asked.agency || asked.rule || asked.assignee || asked.entity || asked.system || asked.grade);
  const clear = () => setFilters({ level: null, q: null, agency: null, rule: null, assignee: null, entity: null, system: null, grade: null });
  const empty = filtered ? (
    <Empty kind="filtered" title={t("alerts.empty.filtered")} action={<ActButton onClick={clear}>{t("filter.clear")}</ActButton>} />
  ) : Object.values(counts?.status ?? {}).some((number) => number > 0) && status !== "all" ? (
    <Empty kind="done" title={t(status === "open" ? "alerts.empty.done" : "alerts.empty.status")}>
      {t("alerts.empty.doneWhy")}
    </Empty>
  ) : (
    <Empty kind="nothing" title={t("alerts.empty.nothing")} action={<a className="button" href={href("/rules")}>{t("alerts.empty.rules")}</a>}>
      {t("alerts.empty.nothingWhy")}
    </Empty>
  );
  const statusCount = (value: StatusFilter): number | undefined => {
    const by = counts?.status;
    if (!by) return undefined;
    if (value === "open") return (by.new ?? 0) + (by.claimed ?? 0);
    if (value === "all") return Object.values(by).reduce((sum, number) => sum + number, 0);
    return by[value as AlertStatus] ?? 0;
  };
  const toggleLevel = (level: Level) => {
    const next = new Set(levels);
    if (!next.delete(level)) next.add(level);
    setFilters({ level: [...next].join(",") || null });
  };

  return (
    <div className={opened ? "split split-open" : "split"}>
      <div className="page page-list">
        <header className="page-head page-head-row">
          <h1>{t("nav.alerts")}</h1>
          <Total of="alerts.shown" total={total} />
          <div className="spread" />
          <form role="search" className="search-form" onSubmit={(event) => event.preventDefault()}>
            <input
              ref={search}
              type="search"
              className="search"
              aria-label={t("alerts.search")}
              placeholder={`${t("alerts.search")}  ( / )`}
              defaultValue={filters.get("q") ?? ""}
              key={filters.get("q") ?? ""}
              onKeyDown={(event) => {
                if (event.key === "Enter" && !event.nativeEvent.isComposing) setFilters({ q: event.currentTarget.value.trim().normalize("NFC") || null });
              }}
            />
          </form>
          <select
            aria-label={t("filter.assignee")}
            value={filters.get("assignee") ?? ""}
            onChange={(event) => setFilters({ assignee: event.target.value || null })}
          >
            <option value="">{t("filter.everyone")}</option>
            <option value="me">{t("filter.mine")}</option>
            <option value="none">{t("filter.unassigned")}</option>
          </select>
          <ActButton aria-pressed={roomy} onClick={flipDensity} title={t(roomy ? "list.compact" : "list.roomy")}>
            <Icon name={roomy ? "compact" : "roomy"} /> <span className="when-wide">{t(roomy ? "list.compact" : "list.roomy")}</span>
          </ActButton>
        </header>
        <div className="filters">
          <div className="tabs" role="group" aria-label={t("column.status")}>
            {STATUSES.map((value) => (
              <button key={value} type="button" aria-pressed={status === value} onClick={() => setFilters({ status: value === "open" ? null : value })}>
                {t(`statusFilter.${value}`)}
                {statusCount(value) !== undefined && <span className="figures tab-count">{count(statusCount(value) ?? 0, language)}</span>}
              </button>
            ))}
          </div>
          <div className="chips" role="group" aria-label={t("column.level")}>
            {LEVELS.map((level) => (
              <button key={level} type="button" className="chip" aria-pressed={levels.has(level)} onClick={() => toggleLevel(level)}>
                <Shape level={level} />
                {t(`level.${level}`)}
                <span className="figures">{count(counts?.level[level] ?? 0, language)}</span>
              </button>
            ))}
          </div>
          {(["q", "entity", "rule", "agency"] as const).map(
            (key) =>
              asked[key] && (
                <button key={key} type="button" className="chip chip-set" onClick={() => setFilters({ [key]: null })} title={t("filter.remove")}>
                  <span className="muted">{t(`filter.${key}`)}</span> <Text mono>{asked[key]}</Text> <Icon name="close" />
                </button>
              ),
          )}
          {(["system", "grade"] as const).map(
            (key) =>
              asked[key] && (
                <button key={key} type="button" className="chip chip-set" onClick={() => setFilters({ [key]: null })} title={t("filter.remove")}>
                  <span className="muted">{t(`inventory.column.${key}`)}</span>{" "}
                  <Text>{key === "system" ? (loaded.find((alert) => alert.system?.id === asked.system)?.system?.name ?? asked[key]) : asked[key]}</Text> <Icon name="close" />
                </button>
              ),
          )}
        </div>
        {fresh > 0 && (
          <button type="button" className="pill-new" onClick={refresh}>
            {t("alerts.fresh", { count: fresh })} <kbd aria-hidden="true">r</kbd>
          </button>
        )}
        {chosen.length > 0 && (
          <div className="bulk" role="region" aria-label={t("bulk.label")}>
            <strong>{t("bulk.chosen", { count: chosen.length })}</strong>
            {work.buttons(chosen)}
            <ActButton tone="quiet" onClick={() => setSelected(NONE)}>
              {t("bulk.none")}
            </ActButton>
          </div>
        )}
        {list.isPending ? (
          <Loading rows={12} />
        ) : list.isError && !first ? (
          <Trouble error={list.error} retry={() => void list.refetch()} />
        ) : (
          <Grid
            label={t("nav.alerts")}
            rows={rows}
            columns={columns}
            idOf={(alert) => alert.id}
            cursor={cursor}
            onCursor={moveCursor}
            onOpen={(alert, apart) => {
              if (apart) window.open(href(`/alerts/${alert.id}`), "_blank", "noopener");
              else setFilters({ open: openId === alert.id ? null : alert.id });
            }}
            openId={openId}
            selected={selected}
            onSelected={setSelected}
            rowHeight={roomy ? 48 : 32}
            rowClass={(alert) => (alert.status === "closed" ? "row-done" : alert.status === "new" ? "row-new" : "")}
            order={order}
            onOrder={(next) => setFilters({ sort: next === "-priority" ? null : next })}
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
            empty={empty}
          />
        )}
        <KeyHints />
      </div>
      {opened && <Pane alert={opened} onClose={() => setFilters({ open: null })} buttons={work.buttons([opened])} />}
      {work.dialogs}
    </div>
  );
}

function Pane({ alert, onClose, buttons }: { alert: Alert; onClose: () => void; buttons: React.ReactNode }) {
  const { t } = useWords();
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => {
    body.current?.scrollTo(0, 0);
  }, [alert.id]);
  return (
    <aside className="pane" aria-label={t("alert.page")}>
      <header className="pane-head">
        <div className="pane-tools">
          <a className="button-quiet" href={href(`/alerts/${alert.id}`)} title={t("keys.openApart")}>
            {t("alert.fullPage")}
          </a>
          <ActButton tone="quiet" hint="u" onClick={onClose}>
            {t("act.hide")}
          </ActButton>
        </div>
        <AlertHeading alert={alert} />
        {buttons}
      </header>
      <div className="pane-body" ref={body}>
        <AlertBody alert={alert} key={alert.id} />
      </div>
    </aside>
  );
}

export const view: View = {
  path: "/alerts",
  title: "nav.alerts",
  permission: "alerts.read",
  Component: Queue,
  rail: { group: "watch", order: 1, icon: "queue", key: "q" },
};
