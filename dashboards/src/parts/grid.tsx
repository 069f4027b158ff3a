// The list of every screen: one row a thing, a cursor that the keyboard moves and updates never do, a selection, and
// only the visible rows drawn. In: rows in the order to show. Out: what the user points at, picks and opens.
import {
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type Bindings, useKeys } from "../app/keys";
import { inOrder } from "../app/text";
import { useWords } from "../i18n";
import { ActButton } from "./button";

export type Column<T> = {
  id: string;
  /** Empty over a column of buttons: read aloud as such, not shown. */
  header: string;
  /** A CSS grid track: "96px", "minmax(240px, 1fr)". */
  width: string;
  cell: (row: T) => ReactNode;
  /** What to sort by; in a list that the server sorts it only has to be there. */
  sort?: (row: T) => string | number;
  end?: boolean;
  /** Left out when the list is narrower than this many pixels. */
  from?: number;
};

export type Picked = { cursor: string | null; selected: ReadonlySet<string> };

type Props<T> = {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  idOf: (row: T) => string;
  cursor: string | null;
  onCursor: (id: string) => void;
  onOpen?: ((row: T, apart: boolean) => void) | undefined;
  openId?: string | null;
  selected?: ReadonlySet<string>;
  onSelected?: (selected: ReadonlySet<string>) => void;
  rowHeight?: number;
  rowClass?: (row: T) => string;
  /** Given when the server sorts: "-last_seen". */
  order?: string;
  onOrder?: (order: string) => void;
  more?: { has: boolean; loading: boolean; load: () => void };
  empty: ReactNode;
  keys?: boolean;
};

const OVERSCAN = 12;
const REFOCUS_MS = 60;
const NONE: ReadonlySet<string> = new Set();

const EDGE_PX = 16 + 2; // padding of a row, border of the list
const CHECK_PX = 32;
const least = (column: { width: string }) => Number(/(\d+)px/.exec(column.width)?.[1] ?? 0);

/** What has room: columns below their `from` leave, then those that may leave at all, the most dispensable first. */
function fitting<T>(columns: readonly Column<T>[], width: number, checks: boolean): Column<T>[] {
  const found = columns.filter((column) => !column.from || width >= column.from);
  const needed = () => found.reduce((sum, column) => sum + least(column), EDGE_PX + (checks ? CHECK_PX : 0));
  while (needed() > width) {
    const from = Math.max(...found.map((column) => column.from ?? 0));
    if (!from) break;
    found.splice(found.findLastIndex((column) => column.from === from), 1);
  }
  return found;
}

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

export function Grid<T extends object>(props: Props<T>) {
  const { rows, columns, idOf, cursor, onCursor, onOpen, selected = NONE, onSelected, rowHeight = 32, more } = props;
  const { t } = useWords();
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1200);
  const [own, setOwn] = useState<SortingState>([]);
  const manual = props.onOrder !== undefined;

  useLayoutEffect(() => {
    const node = scroller.current;
    if (!node) return;
    const watch = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    watch.observe(node);
    return () => watch.disconnect();
  }, []);

  const checks = onSelected !== undefined;
  const shown = useMemo(() => fitting(columns, width, checks), [columns, width, checks]);
  const sorting = useMemo(
    () => (manual && props.order ? [{ id: props.order.replace(/^-/, ""), desc: props.order.startsWith("-") }] : own),
    [manual, props.order, own],
  );
  const definitions = useMemo(
    () =>
      columns.map((column) => ({
        id: column.id,
        accessorFn: (row: T) => column.sort?.(row) ?? "",
        enableSorting: column.sort !== undefined,
        sortFn: (a: { original: T }, b: { original: T }) => {
          const [left, right] = [column.sort?.(a.original) ?? "", column.sort?.(b.original) ?? ""];
          return typeof left === "number" && typeof right === "number" ? left - right : inOrder(String(left), String(right));
        },
      })),
    [columns],
  );
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable({
    features,
    columns: definitions,
    data,
    getRowId: idOf,
    manualSorting: manual,
    state: { sorting },
    onSortingChange: setOwn,
  });
  const list = table.getRowModel().rows;
  const places = useMemo(() => new Map(list.map((row, index) => [row.id, index])), [list]);

  // The row that took the place of one that left becomes the cursor: act, and the next one is there.
  const lastPlace = useRef(0);
  const wanted = cursor === null ? undefined : places.get(cursor);
  const place = wanted ?? Math.min(lastPlace.current, list.length - 1);
  const here = list[place];
  useEffect(() => {
    if (place >= 0) lastPlace.current = place;
    if (here && here.id !== cursor) onCursor(here.id);
  }, [place, here, cursor, onCursor]);

  // When the row that held the focus has left (closed, moved on), the focus goes on to the cursor and not to nowhere.
  // A dialog gives the focus back a frame after it closed, therefore the wait.
  const hereId = here?.id;
  useEffect(() => {
    if (!hereId) return;
    const timer = setTimeout(() => {
      const active = document.activeElement;
      if (!active || active === document.body || active.id === "main")
        scroller.current?.querySelector<HTMLElement>("[data-cursor=true]")?.focus({ preventScroll: true });
    }, REFOCUS_MS);
    return () => clearTimeout(timer);
  }, [hereId]);

  const virtual = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollPaddingStart: 36,
    scrollPaddingEnd: 8,
    // The row under the cursor stays drawn when it is scrolled away: it holds the focus.
    rangeExtractor: (range) => {
      const found = new Set<number>();
      for (let at = Math.max(0, range.startIndex - OVERSCAN); at <= Math.min(list.length - 1, range.endIndex + OVERSCAN); at++)
        found.add(at);
      if (place >= 0) found.add(place);
      return [...found].sort((a, b) => a - b);
    },
  });
  useEffect(() => virtual.measure(), [rowHeight, virtual]);

  const items = virtual.getVirtualItems();
  const reached = items.length > 0 && virtual.range !== null && virtual.range.endIndex >= list.length - 20;
  useEffect(() => {
    if (reached && more?.has && !more.loading) more.load();
  }, [reached, more]);

  const follow = useRef(false);
  useLayoutEffect(() => {
    if (!follow.current || place < 0) return;
    follow.current = false;
    scroller.current?.querySelector<HTMLElement>(`[data-place="${place}"]`)?.focus({ preventScroll: true });
  });

  const moveTo = (index: number) => {
    const target = list[Math.max(0, Math.min(index, list.length - 1))];
    if (!target) return;
    follow.current = true;
    virtual.scrollToIndex(Math.max(0, Math.min(index, list.length - 1)), { align: "auto" });
    onCursor(target.id);
    // The row may not have been drawn before: once more after the scroll.
    requestAnimationFrame(() => {
      const active = document.activeElement;
      if (active === document.body || active?.closest("[role=grid]")) {
        scroller.current?.querySelector<HTMLElement>("[data-cursor=true]")?.focus({ preventScroll: true });
      }
    });
  };
  const pick = (id: string, on?: boolean) => {
    if (!onSelected) return;
    const next = new Set(selected);
    if (on ?? !next.has(id)) next.add(id);
    else next.delete(id);
    onSelected(next);
  };
  const extend = (step: number) => {
    if (!here) return;
    const target = list[place + step];
    const next = new Set(selected).add(here.id);
    if (target) next.add(target.id);
    onSelected?.(next);
    moveTo(place + step);
  };
  const picking: Bindings = onSelected
    ? {
        x: { label: "keys.select", run: () => here && pick(here.id) },
        "Shift+j": { label: "keys.extendDown", run: () => extend(1) },
        "Shift+k": { label: "keys.extendUp", run: () => extend(-1) },
        "* a": { label: "keys.selectAll", run: () => onSelected(new Set(list.map((row) => row.id))) },
        "* n": { label: "keys.selectNone", run: () => onSelected(NONE) },
      }
    : {};
  useKeys(
    {
      j: { label: "keys.down", run: () => moveTo(place + 1) },
      k: { label: "keys.up", run: () => moveTo(place - 1) },
      ArrowDown: { run: () => moveTo(place + 1) },
      ArrowUp: { run: () => moveTo(place - 1) },
      Home: { run: () => moveTo(0) },
      End: { run: () => moveTo(list.length - 1) },
      ...((onOpen
        ? {
            Enter: { label: "keys.open", run: () => here && onOpen(here.original, false) },
            o: { hidden: true, label: "keys.open", run: () => here && onOpen(here.original, false) },
            "Shift+Enter": { label: "keys.openApart", run: () => here && onOpen(here.original, true) },
          }
        : {}) as Bindings),
      ...picking,
    },
    { enabled: props.keys !== false },
  );

  const style = {
    "--columns": `${onSelected ? "32px " : ""}${shown.map((column) => column.width).join(" ")}`,
    "--row": `${rowHeight}px`,
  } as CSSProperties;

  const header = (column: Column<T>) => {
    const sorted = sorting.find((entry) => entry.id === column.id);
    const side = sorted ? (sorted.desc ? "descending" : "ascending") : undefined;
    const label = (
      <>
        {column.header || <span className="sr-only">{t("list.acts")}</span>}
        {sorted && <span aria-hidden="true">{sorted.desc ? " ↓" : " ↑"}</span>}
      </>
    );
    const click = () => {
      const desc = sorted ? !sorted.desc : true;
      if (props.onOrder) props.onOrder(`${desc ? "-" : ""}${column.id}`);
      else setOwn([{ id: column.id, desc: sorted ? !sorted.desc : false }]);
    };
    return (
      <div key={column.id} role="columnheader" aria-sort={side ?? "none"} className={column.end ? "cell cell-end" : "cell"}>
        {column.sort ? (
          <button type="button" className="sort" onClick={click} tabIndex={-1}>
            {label}
          </button>
        ) : (
          label
        )}
      </div>
    );
  };

  return (
    <div className="grid" style={style} ref={scroller} data-scroller>
      <div role="grid" aria-label={props.label} aria-rowcount={list.length + 1} aria-multiselectable={onSelected ? true : undefined}>
        <div role="row" className="grid-head">
          {onSelected && (
            <div role="columnheader" className="cell cell-check">
              <input
                type="checkbox"
                tabIndex={-1}
                aria-label={t("keys.selectAll")}
                checked={list.length > 0 && selected.size >= list.length}
                onChange={(event) => onSelected(event.target.checked ? new Set(list.map((row) => row.id)) : NONE)}
              />
            </div>
          )}
          {shown.map(header)}
        </div>
        {list.length > 0 && (
          <div className="grid-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = list[item.index];
              if (!row) return null;
              const picked = selected.has(row.id);
              const at = item.index === place;
              return (
                <div
                  key={row.id}
                  role="row"
                  className={`grid-row ${props.rowClass?.(row.original) ?? ""}`}
                  style={{ transform: `translateY(${item.start}px)` }}
                  data-id={row.id}
                  data-place={item.index}
                  data-cursor={at || undefined}
                  data-open={row.id === props.openId || undefined}
                  aria-rowindex={item.index + 2}
                  aria-selected={onSelected ? picked : undefined}
                  tabIndex={at ? 0 : -1}
                  onFocus={() => !at && onCursor(row.id)}
                  onClick={(event) => {
                    if ((event.target as HTMLElement).closest("button, a, input")) return;
                    onCursor(row.id);
                    onOpen?.(row.original, event.ctrlKey || event.metaKey);
                  }}
                >
                  {onSelected && (
                    <div role="gridcell" className="cell cell-check">
                      <input
                        type="checkbox"
                        tabIndex={-1}
                        aria-label={t("keys.select")}
                        checked={picked}
                        onChange={(event) => pick(row.id, event.target.checked)}
                      />
                    </div>
                  )}
                  {shown.map((column) => (
                    <div key={column.id} role="gridcell" className={column.end ? "cell cell-end" : "cell"}>
                      {column.cell(row.original)}
                    </div>
                  ))}
                </div>
              );
            })}
          </div>
        )}
      </div>
      {list.length === 0 && props.empty}
      {more?.has && list.length > 0 && (
        <div className="grid-more">
          <ActButton onClick={more.load} disabled={more.loading}>
            {more.loading ? t("loading.still") : t("list.more")}
          </ActButton>
        </div>
      )}
    </div>
  );
}
