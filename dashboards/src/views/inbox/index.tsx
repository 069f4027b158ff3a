// /inbox — the national centre's view: what agencies raised, and which of them met the same adversary.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { get } from "../../api/client";
import type { InboxPage, Raised, Shared } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { refOf } from "../../app/names";
import { href, useFilters } from "../../app/route";
import { count } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { Icon } from "../../parts/icons";
import { KeyHints } from "../../parts/hints";
import { Loading, Panel, Trouble } from "../../parts/panel";
import { LEVELS, Severity, Shape } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Total } from "../../parts/total";
import { RaisedBody, RaisedHeading, useAcknowledge } from "./item";

const STATES = ["new", "acknowledged", "all"] as const;

export function StateTag({ raised }: { raised: Raised }) {
  const { t } = useWords();
  const tone = { new: "warn", acknowledged: "ok" } as const;
  return <Tag tone={tone[raised.state]}>{t(`raisedState.${raised.state}`)}</Tag>;
}

function SharedStrip() {
  const { t } = useWords();
  const [, setFilters] = useFilters();
  const query = useQuery({ queryKey: ["shared"], queryFn: ({ signal }) => get<{ items: Shared[] }>("/inbox/shared", {}, signal) });
  const items = query.data?.items ?? [];
  if (query.isError) return <Trouble error={query.error} retry={() => void query.refetch()} />;
  if (!items.length) return null;
  return (
    <Panel className="shared" title={t("inbox.shared.title")} aside={<span className="muted">{t("inbox.shared.why")}</span>}>
      <ul className="shared-list">
        {items.slice(0, 6).map((shared) => (
          <li key={`${shared.type} ${shared.value}`}>
            <button type="button" className="shared-item" onClick={() => setFilters({ q: shared.value, state: "all" })}>
              <span className="shared-value">
                <span className="muted">{shared.type}</span> <Text mono>{shared.value}</Text>
              </span>
              <span className="shared-agencies">
                <strong>{t("inbox.shared.agencies", { count: shared.agencies.length })}</strong>{" "}
                <Text>{shared.agencies.map((agency) => agency.name || agency.code).join(" · ")}</Text>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Inbox() {
  const { t, language } = useWords();
  const [filters, setFilters] = useFilters();
  const state = STATES.find((value) => value === filters.get("state")) ?? "new";
  const openId = filters.get("open");
  const asked = useMemo(() => ({ state, level: filters.get("level"), agency: filters.get("agency"), q: filters.get("q") }), [filters, state]);
  const list = useInfiniteQuery({
    queryKey: ["inbox", asked],
    queryFn: ({ pageParam, signal }) => get<InboxPage>("/inbox", { ...asked, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
  const head = useQuery({
    queryKey: ["inbox-head", asked],
    queryFn: ({ signal }) => get<InboxPage>("/inbox", { ...asked, limit: 50 }, signal),
    enabled: list.isSuccess,
    refetchInterval: 60_000,
  });
  // Rows stay; what the newest answer knows better of them (acknowledged elsewhere, revised) is laid over in place.
  const rows = useMemo(() => {
    const newer = new Map((head.data?.items ?? []).map((raised) => [raised.id, raised]));
    const found = list.data?.pages.flatMap((page) => page.items) ?? [];
    return found.map((raised) => ((newer.get(raised.id)?.revision ?? 0) > raised.revision ? (newer.get(raised.id) ?? raised) : raised));
  }, [list.data, head.data]);
  const [first] = list.data?.pages ?? [];
  const fresh = useMemo(() => {
    const newest = rows.reduce((latest, raised) => (raised.received_at > latest ? raised.received_at : latest), "");
    const known = new Set(rows.map((raised) => raised.id));
    return (head.data?.items ?? []).filter((raised) => !known.has(raised.id) && raised.received_at > newest).length;
  }, [rows, head.data]);
  // Where no row can be disturbed, what arrives is simply shown.
  useEffect(() => {
    if (fresh > 0 && rows.length === 0 && !list.isFetching) void list.refetch();
  }, [fresh, rows.length, list]);
  useTitle(t("nav.inbox"), fresh);
  const [cursor, setCursor] = useState<string | null>(openId);
  const current = rows.find((raised) => raised.id === cursor);
  const opened = rows.find((raised) => raised.id === openId);
  const move = useCallback(
    (id: string) => {
      setCursor(id);
      if (openId && openId !== id) setFilters({ open: id });
    },
    [openId, setFilters],
  );
  const search = useRef<HTMLInputElement>(null);
  const acknowledge = useAcknowledge();
  const refresh = () => {
    void list.refetch();
    void head.refetch();
  };
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: refresh },
    ...(acknowledge.may ? { a: { label: "keys.acknowledge", run: () => current && acknowledge.ask(current, "acknowledge") }, c: { label: "keys.note", run: () => current && acknowledge.ask(current, "note") } } : {}),
    u: { label: "keys.back", run: () => setFilters({ open: null }) },
    Escape: { run: () => setFilters({ open: null }) },
  });
  const columns = useMemo<Column<Raised>[]>(
    () => [
      { id: "level", header: t("column.level"), width: "132px", cell: (row) => <Severity level={row.level} /> },
      {
        id: "agency",
        header: t("column.agency"),
        width: "minmax(120px, 220px)",
        from: 820,
        cell: (row) => (
          <span className="one-line row-title">
            <Text>{row.agency_name || row.agency}</Text>
          </span>
        ),
      },
      {
        id: "title",
        header: t("column.raised"),
        width: "minmax(0, 1fr)",
        cell: (row) => (
          <div className="two-lines">
            <span className="one-line row-title">
              <Text>{row.title}</Text>
            </span>
            <span className="one-line row-second">
              <span className="figures" title={row.item_id}>
                {refOf(row.item_id)}
              </span>
              {row.lead?.offered_by === "agency" && <Tag tone="warn">{t("lead.waits")}</Tag>}
              {row.shared > 0 && (
                <span className="row-shared" title={t("inbox.shared.why")}>
                  <Icon name="link" /> {t("inbox.sharedWith", { count: row.shared })}
                </span>
              )}
              <span className="row-agency">
                <Text>{row.agency_name || row.agency}</Text>
              </span>
            </span>
          </div>
        ),
      },
      { id: "kind", header: t("column.kind"), width: "104px", from: 1000, cell: (row) => t(`raisedKind.${row.kind}`) },
      { id: "alerts", header: t("column.alerts"), width: "92px", end: true, from: 1000, cell: (row) => <span className="figures">{count(row.alerts_count, language)}</span> },
      { id: "received", header: t("column.received"), width: "124px", from: 820, cell: (row) => <Time at={row.received_at} short /> },
      { id: "state", header: t("column.status"), width: "146px", from: 460, cell: (row) => <StateTag raised={row} /> },
    ],
    [t, language],
  );
  const filtered = Boolean(asked.level || asked.agency || asked.q);
  const states = head.data?.counts.state ?? first?.counts.state;
  const levels = head.data?.counts.level ?? first?.counts.level;
  return (
    <div className={opened ? "split split-open" : "split"}>
      <div className="page page-list">
        <header className="page-head page-head-row">
          <h1>{t("nav.inbox")}</h1>
          {first && (
            <Total of="inbox.shown" total={head.data?.total ?? first.total} />
          )}
          <div className="spread" />
          <input
            ref={search}
            type="search"
            className="search"
            aria-label={t("inbox.search")}
            placeholder={`${t("inbox.search")}  ( / )`}
            defaultValue={asked.q ?? ""}
            key={asked.q ?? ""}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.nativeEvent.isComposing) setFilters({ q: event.currentTarget.value.trim().normalize("NFC") || null });
            }}
          />
        </header>
        <SharedStrip />
        <div className="filters">
          <div className="tabs" role="group" aria-label={t("column.status")}>
            {STATES.map((value) => (
              <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value === "new" ? null : value })}>
                {t(`inboxState.${value}`)}
                {states && value !== "all" && <span className="figures tab-count">{count(states[value] ?? 0, language)}</span>}
              </button>
            ))}
          </div>
          <div className="chips" role="group" aria-label={t("column.level")}>
            {LEVELS.slice(0, 4).map((level) => (
              <button key={level} type="button" className="chip" aria-pressed={asked.level === level} onClick={() => setFilters({ level: asked.level === level ? null : level })}>
                <Shape level={level} />
                {t(`level.${level}`)}
                {levels?.[level] !== undefined && <span className="figures">{count(levels[level] ?? 0, language)}</span>}
              </button>
            ))}
          </div>
          {(["q", "agency"] as const).map(
            (key) =>
              asked[key] && (
                <button key={key} type="button" className="chip chip-set" onClick={() => setFilters({ [key]: null })}>
                  <span className="muted">{t(`filter.${key}`)}</span> <Text mono>{asked[key]}</Text> <Icon name="close" />
                </button>
              ),
          )}
        </div>
        {fresh > 0 && (
          <button type="button" className="pill-new" onClick={refresh}>
            {t("inbox.fresh", { count: fresh })} <kbd aria-hidden="true">r</kbd>
          </button>
        )}
        {list.isPending ? (
          <Loading rows={8} />
        ) : list.isError && !first ? (
          <Trouble error={list.error} retry={() => void list.refetch()} />
        ) : (
          <Grid
            label={t("nav.inbox")}
            rows={rows}
            columns={columns}
            idOf={(row) => row.id}
            cursor={cursor}
            onCursor={move}
            openId={openId}
            rowHeight={52}
            rowClass={(row) => (row.state === "new" ? "row-new" : "")}
            onOpen={(row, apart) => (apart ? window.open(href(`/inbox/${row.id}`), "_blank", "noopener") : setFilters({ open: openId === row.id ? null : row.id }))}
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
            empty={
              filtered ? (
                <Empty kind="filtered" title={t("inbox.empty.filtered")} action={<ActButton onClick={() => setFilters({ level: null, agency: null, q: null })}>{t("filter.clear")}</ActButton>} />
              ) : state === "new" ? (
                <Empty kind="done" title={t("inbox.empty.done")} action={<ActButton onClick={() => setFilters({ state: "all" })}>{t("inboxState.all")}</ActButton>} />
              ) : (
                <Empty kind="nothing" title={t("inbox.empty.nothing")}>
                  {t("inbox.empty.nothingWhy")}
                </Empty>
              )
            }
          />
        )}
        <KeyHints />
      </div>
      {opened && (
        <aside className="pane" aria-label={t("inbox.page")}>
          <header className="pane-head">
            <div className="pane-tools">
              <a className="button-quiet" href={href(`/inbox/${opened.id}`)}>
                {t("alert.fullPage")}
              </a>
              <ActButton tone="quiet" hint="u" onClick={() => setFilters({ open: null })}>
                {t("act.hide")}
              </ActButton>
            </div>
            <RaisedHeading raised={opened} />
            {acknowledge.buttons(opened)}
          </header>
          <div className="pane-body">
            <RaisedBody raised={opened} key={opened.id} />
          </div>
        </aside>
      )}
      {acknowledge.dialog}
    </div>
  );
}

export const view: View = {
  path: "/inbox",
  title: "nav.inbox",
  permission: "inbox.read",
  Component: Inbox,
  rail: { group: "watch", order: 0, icon: "inbox", key: "n" },
};
