// /organisation — the register of units as of any day, found by any name a unit ever had; what became of what; changes.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { address, get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { useLoose } from "../../parts/history";
import { Loading, Panel, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { ChangeDialog } from "./change";
import "./organisation.css";
import { type EventShape, KINDS, type UnitWhole } from "./types";
import type { Chosen } from "./unit_picker";

const EVENTS_SHOWN = 60;

/** Today in Vietnam, as the register counts days. */
export function today(now = Date.now()) {
  return new Date(now + 7 * 3_600_000).toISOString().slice(0, 10);
}

/** A day of the precision that its source gives: 2025, 01/07/2025. */
function dayWord(day: string) {
  return day.split("-").reverse().join("/");
}

function Events() {
  const { t, language } = useWords();
  const loose = useLoose();
  const [all, setAll] = useState(false);
  const query = useQuery({ queryKey: ["organisation", "events"], queryFn: ({ signal }) => get<{ items: EventShape[] }>("/organisation/events", {}, signal) });
  const items = query.data?.items ?? [];
  return (
    <Panel title={t("organisation.events")} aside={<span className="muted figures">{count(items.length, language)}</span>}>
      {query.isPending ? (
        <Loading rows={4} />
      ) : query.isError ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : items.length === 0 ? (
        <Empty kind="nothing" title={t("organisation.noEvents")} />
      ) : (
        <>
          <div className="organisation-events" tabIndex={0} role="region" aria-label={t("organisation.events")}>
            <ol className="history">
              {(all ? items : items.slice(0, EVENTS_SHOWN)).map((event, index) => (
                <li key={index}>
                  <span className="figures">{dayWord(event.at)}</span>
                  <span>
                    <strong>{loose("organisation.act", event.kind)}</strong> <Text>{event.before.map((code) => event.names[code] ?? code).join(", ")}</Text>
                    {event.after.length > 0 && event.after.join() !== event.before.join() && (
                      <>
                        {event.before.length > 0 && " → "}
                        <Text>{event.after.map((code) => event.names[code] ?? code).join(", ")}</Text>
                      </>
                    )}
                    <span className="history-note muted">
                      <Text>{event.source}</Text>
                    </span>
                  </span>
                </li>
              ))}
            </ol>
          </div>
          {!all && items.length > EVENTS_SHOWN && (
            <ActButton tone="quiet" onClick={() => setAll(true)}>
              {t("organisation.allEvents")}
            </ActButton>
          )}
        </>
      )}
    </Panel>
  );
}

function Organisation() {
  const { t, language } = useWords();
  const loose = useLoose();
  const { can } = useSession();
  const [filters, setFilters] = useFilters();
  const [cursor, setCursor] = useState<string | null>(null);
  const [changing, setChanging] = useState<{ unit: Chosen | null } | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const asked = { q: filters.get("q") ?? "", kind: filters.get("kind") ?? "", day: filters.get("day") ?? "" };
  const query = useQuery({
    queryKey: ["organisation", asked],
    queryFn: ({ signal }) => get<{ items: UnitWhole[]; total: number }>("/organisation", asked, signal),
    placeholderData: (before) => before,
  });
  const whole = useQuery({ queryKey: ["organisation", "all"], queryFn: ({ signal }) => get<{ items: UnitWhole[] }>("/organisation", {}, signal) });
  const names = useMemo(() => new Map([...(whole.data?.items ?? []), ...(query.data?.items ?? [])].map((unit) => [unit.code, unit.name])), [whole.data, query.data]);
  useTitle(t("organisation.title"));
  const back = () => go(href("/national"));
  useKeys({ "/": { label: "keys.search", run: () => search.current?.focus() }, u: { label: "keys.back", run: back } });
  const may = can("national.manage") && !asked.day;
  const columns = useMemo<Column<UnitWhole>[]>(
    () => [
      {
        id: "name",
        header: t("organisation.column.unit"),
        width: "minmax(180px, 1fr)",
        sort: (row) => row.name,
        cell: (row) => (
          <div className="two-lines">
            <span className="one-line row-title">
              <Text>{row.name}</Text>
            </span>
            <span className="one-line row-second">
              {row.former.length > 0 && (
                <span>
                  {t("organisation.former")} <Text>{row.former.join(", ")}</Text>
                </span>
              )}
            </span>
          </div>
        ),
      },
      { id: "kind", header: t("column.kind"), width: "150px", from: 560, sort: (row) => row.kind, cell: (row) => loose("organisation.kinds", row.kind) },
      {
        id: "parent",
        header: t("organisation.column.parent"),
        width: "minmax(120px, 220px)",
        from: 760,
        sort: (row) => (row.parent ? (names.get(row.parent) ?? row.parent) : ""),
        cell: (row) => (row.parent ? <Text>{names.get(row.parent) ?? row.parent}</Text> : <span className="muted">—</span>),
      },
      { id: "from", header: t("organisation.column.since"), width: "116px", from: 460, sort: (row) => row.valid_from, cell: (row) => <span className="figures">{row.valid_from ? dayWord(row.valid_from) : "—"}</span> },
      {
        id: "source",
        header: t("organisation.source"),
        width: "minmax(120px, 260px)",
        from: 1000,
        sort: (row) => row.source,
        cell: (row) => (
          <span className="one-line muted" title={row.source}>
            <Text>{row.source}</Text>
          </span>
        ),
      },
      ...(may
        ? [
            {
              id: "change",
              header: t("organisation.changeShort"),
              width: "112px",
              from: 520,
              cell: (row: UnitWhole) => (
                <ActButton tone="quiet" aria-label={t("organisation.changeOf", { name: row.name })} onClick={() => setChanging({ unit: { code: row.code, name: row.name } })}>
                  {t("organisation.changeShort")}
                </ActButton>
              ),
            },
          ]
        : []),
    ],
    [t, loose, names, may],
  );
  const rows = query.data?.items ?? [];
  const filtered = Boolean(asked.q || asked.kind || asked.day);
  return (
    <div className="page page-wide organisation">
      <p>
        <a href={href("/national")}>← {t("national.back")}</a>
      </p>
      <header className="page-head page-head-row">
        <h1>{t("organisation.title")}</h1>
        {query.data && (
          <span className="muted">
            <span className="figures">{count(query.data.total, language)}</span> {t("organisation.counted")}
          </span>
        )}
        <div className="spread" />
        <a className="button" href={address("/organisation/export")} download>
          {t("organisation.export")}
        </a>
        {may && (
          <ActButton tone="main" onClick={() => setChanging({ unit: null })}>
            {t("organisation.change")}
          </ActButton>
        )}
      </header>
      <div className="filters">
        <input ref={search} type="search" className="search" aria-label={t("organisation.find")} placeholder={`${t("organisation.find")}  ( / )`} value={asked.q} onChange={(event) => setFilters({ q: event.target.value.normalize("NFC") || null })} />
        <label className="inline-field">
          <span>{t("column.kind")}</span>
          <select value={asked.kind} onChange={(event) => setFilters({ kind: event.target.value || null })}>
            <option value="">{t("organisation.everyKind")}</option>
            {KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {t(`organisation.kinds.${kind}`)}
              </option>
            ))}
          </select>
        </label>
        <label className="inline-field">
          <span>{t("organisation.asOf")}</span>
          <input type="date" value={asked.day || today()} onChange={(event) => setFilters({ day: event.target.value && event.target.value !== today() ? event.target.value : null })} />
        </label>
      </div>
      <div className="organisation-columns">
        <Panel title={t("organisation.units")} className="organisation-table">
          {query.isPending ? (
            <Loading rows={8} />
          ) : query.isError ? (
            <Trouble error={query.error} retry={() => void query.refetch()} />
          ) : (
            <Grid
              label={t("organisation.units")}
              rows={rows}
              columns={columns}
              idOf={(row) => row.code}
              cursor={cursor}
              onCursor={setCursor}
              rowHeight={52}
              onOpen={(row) => may && setChanging({ unit: { code: row.code, name: row.name } })}
              empty={
                filtered ? (
                  <Empty kind="filtered" title={t("organisation.notFound")} action={<ActButton onClick={() => setFilters({ q: null, kind: null, day: null })}>{t("filter.clear")}</ActButton>} />
                ) : (
                  <Empty kind="nothing" title={t("organisation.nothing")}>
                    {t("organisation.nothingWhy")}
                  </Empty>
                )
              }
            />
          )}
        </Panel>
        <Events />
      </div>
      {changing && <ChangeDialog unit={changing.unit} day={today()} onClose={() => setChanging(null)} />}
    </div>
  );
}

export const view: View = { path: "/organisation", title: "organisation.title", permission: "national.read", Component: Organisation };
