// /national — three percentages with what lies behind them, the tile map, every agency by its state.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { count, folded } from "../../app/text";
import { dateOf } from "../../app/time";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { Icon } from "../../parts/icons";
import { Ask, Panel } from "../../parts/panel";
import { LEVELS, Shape } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { TileMap, TILES } from "./map";
import "./national.css";
import { ReminderDialog } from "./reminder";
import { STATES, StateMark, StateWord } from "./state";
import type { AgencyRow, AgencyState, National, TileShape } from "./types";

const EVERY_MS = 30_000;
const REPORTS: Record<TileShape["id"], (row: AgencyRow) => boolean> = {
  platform: (row) => row.platform,
  exchange: (row) => row.exchange,
  monitored: (row) => row.state === "connected",
};

function Percentage({ tile, chosen, onChoose }: { tile: TileShape; chosen: boolean; onChoose: () => void }) {
  const { t, language } = useWords();
  const per = (part: number, whole: number) => new Intl.NumberFormat(language === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: 1, style: "percent" }).format(whole ? part / whole : 0);
  const [first] = tile.trend;
  const high = Math.max(1, ...tile.trend.map((point) => point.whole));
  const line = tile.trend.map((point, index) => `${(index / Math.max(1, tile.trend.length - 1)) * 96},${19 - (point.part / high) * 18}`).join(" ");
  return (
    <section className="percentage">
      <h2>{t(`national.tile.${tile.id}`)}</h2>
      <p className="percentage-value">
        <strong className="figures">{tile.whole ? per(tile.part, tile.whole) : "—"}</strong>{" "}
        <span>{tile.whole ? t("national.tile.of", { part: count(tile.part, language), whole: count(tile.whole, language) }) : t("national.tile.none")}</span>
      </p>
      {first && tile.trend.length > 1 ? (
        <p className="percentage-trend muted">
          <svg className="spark" viewBox="0 0 96 20" preserveAspectRatio="none" aria-hidden="true">
            <polyline points={line} />
          </svg>
          {t("national.tile.trend", { from: first.part, fromWhole: first.whole, day: dateOf(`${first.day}T05:00:00Z`) })}
        </p>
      ) : (
        <p className="muted">{t("national.tile.noTrend")}</p>
      )}
      <p className="muted percentage-how">{t(`national.how.${tile.id}`)}</p>
      <ActButton aria-pressed={chosen} onClick={onChoose}>
        {t(chosen ? "national.tile.hide" : "national.tile.list")}
      </ActButton>
    </section>
  );
}

function Whole({ data }: { data: National }) {
  const { t, language } = useWords();
  const { can, me } = useSession();
  const [filters, setFilters] = useFilters();
  const [cursor, setCursor] = useState<string | null>(null);
  const [reminding, setReminding] = useState<AgencyRow | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const asked = { state: filters.get("state") ?? "", tile: filters.get("tile") ?? "", unit: filters.get("unit") ?? "", q: filters.get("q") ?? "" };
  const place = TILES.find((tile) => tile.unit === asked.unit);
  const rows = useMemo(() => {
    const words = folded(asked.q).split(/\s+/).filter(Boolean);
    const wanted = new Set([asked.unit, place?.of].filter(Boolean));
    return data.agencies.filter((row) => {
      const text = folded([row.name, row.agency ?? "", row.unit?.name ?? "", ...(row.unit?.former ?? [])].join(" "));
      return (
        (!asked.state || row.state === asked.state) &&
        (!asked.tile || REPORTS[asked.tile as TileShape["id"]]?.(row)) &&
        (!asked.unit || wanted.has(row.unit?.code)) &&
        words.every((word) => text.includes(word))
      );
    });
  }, [data.agencies, asked.q, asked.state, asked.tile, asked.unit, place]);
  useKeys({ "/": { label: "keys.search", run: () => search.current?.focus() } });
  const remind = can("inbox.work");
  const number = (value: number | undefined) => <span className="figures">{value === undefined ? "—" : count(value, language)}</span>;
  const of = (part: number | undefined, whole: number | undefined) =>
    whole ? (
      <span className="figures">
        {part}/{whole}
      </span>
    ) : (
      <span className="muted">—</span>
    );
  const columns = useMemo<Column<AgencyRow>[]>(
    () => [
      {
        id: "state",
        header: t("national.column.state"),
        width: "164px",
        sort: (row) => STATES.length - STATES.indexOf(row.state),
        cell: (row) => <StateWord state={row.state} title={t(`national.reason.${row.reason}` as "national.reason.ok", { defaultValue: row.reason })} />,
      },
      {
        id: "name",
        header: t("national.column.agency"),
        width: "minmax(144px, 1fr)",
        sort: (row) => row.name,
        cell: (row) => (
          <div className="two-lines">
            <span className="one-line row-title">
              <Text>{row.name}</Text>
            </span>
            <span className="one-line row-second">
              {row.agency === null ? (
                <span>{t("national.table.noNode")}</span>
              ) : (
                row.unit && row.unit.name !== row.name && <Text>{row.unit.name}</Text>
              )}
              {row.exercise && !me.node.exercise && <span className="tag tag-warn">{t("national.exercise")}</span>}
              {row.warnings.length > 0 && (
                <span className="row-reason national-warn">
                  {row.warnings.map((warning) => t(`national.warning.${warning}` as "national.warning.late", { defaultValue: warning })).join(" · ")}
                </span>
              )}
            </span>
          </div>
        ),
      },
      { id: "data", header: t("national.column.data"), width: "132px", from: 620, sort: (row) => row.data_at ?? "", cell: (row) => <Ago at={row.data_at} /> },
      { id: "selftest", header: t("national.column.selftest"), width: "132px", from: 760, sort: (row) => row.selftest_at ?? "", cell: (row) => <Ago at={row.selftest_at} /> },
      { id: "since", header: t("national.column.since"), width: "124px", from: 1120, sort: (row) => row.since ?? "", cell: (row) => <Time at={row.since} short /> },
      { id: "sensors", header: t("national.column.sensors"), width: "88px", end: true, from: 900, sort: (row) => row.numbers.sensors ?? -1, cell: (row) => of(row.numbers.sensors_ok, row.numbers.sensors) },
      { id: "services", header: t("national.column.services"), width: "84px", end: true, from: 1000, sort: (row) => row.numbers.services ?? -1, cell: (row) => of(row.numbers.services_up, row.numbers.services) },
      { id: "systems", header: t("national.column.systems"), width: "100px", end: true, from: 1200, sort: (row) => row.numbers.systems ?? -1, cell: (row) => of(row.numbers.sensed, row.numbers.systems) },
      { id: "alerts", header: t("national.column.alerts"), width: "104px", end: true, from: 900, sort: (row) => row.numbers.alerts ?? -1, cell: (row) => number(row.numbers.alerts) },
      { id: "raised", header: t("national.column.raised"), width: "116px", end: true, from: 700, sort: (row) => row.raised, cell: (row) => number(row.agency === null ? undefined : row.raised) },
      ...(remind
        ? [
            {
              id: "remind",
              header: t("national.reminder.write"),
              width: "148px",
              from: 520,
              cell: (row: AgencyRow) =>
                row.agency !== null &&
                (row.state !== "connected" || row.warnings.length > 0) && (
                  <ActButton tone="quiet" onClick={() => setReminding(row)} aria-label={`${t("national.reminder.write")} · ${row.name}`}>
                    {t("national.reminder.write")}
                  </ActButton>
                ),
            },
          ]
        : []),
    ],
    [t, language, remind],
  );
  const most = Math.max(1, ...data.systems.map((row) => row.count));
  const filtered = Boolean(asked.state || asked.tile || asked.unit || asked.q);
  const clear = () => setFilters({ state: null, tile: null, unit: null, q: null });
  return (
    <>
      <div className="percentages">
        {data.tiles.map((tile) => (
          <Percentage key={tile.id} tile={tile} chosen={asked.tile === tile.id} onChoose={() => setFilters({ tile: asked.tile === tile.id ? null : tile.id })} />
        ))}
      </div>
      <div className="national-columns">
        <Panel className="national-map" title={t("national.map.title")}>
          <p className="muted">{t(me.node.exercise ? "national.map.exercise" : "national.map.why")}</p>
          <TileMap cells={data.cells} chosen={asked.unit || null} onChoose={(unit) => setFilters({ unit })} />
        </Panel>
        <div className="national-side">
          <Panel title={t("national.table.title")} aside={<span className="muted figures">{count(rows.length, language)}</span>} className="national-table">
            <div className="filters">
              <div className="chips" role="group" aria-label={t("national.column.state")}>
                {STATES.map((state: AgencyState) => (
                  <button key={state} type="button" className="chip" aria-pressed={asked.state === state} onClick={() => setFilters({ state: asked.state === state ? null : state })}>
                    <StateMark state={state} /> {t(`national.state.${state}`)} <span className="figures">{count(data.states[state] ?? 0, language)}</span>
                  </button>
                ))}
              </div>
              {asked.tile && (
                <button type="button" className="chip chip-set" onClick={() => setFilters({ tile: null })}>
                  {t(`national.tile.${asked.tile}` as "national.tile.platform", { defaultValue: asked.tile })} <Icon name="close" />
                </button>
              )}
              {asked.unit && (
                <button type="button" className="chip chip-set" onClick={() => setFilters({ unit: null })}>
                  <Text>{place?.name ?? asked.unit}</Text> <Icon name="close" />
                </button>
              )}
              <input ref={search} type="search" className="search" aria-label={t("national.table.search")} placeholder={`${t("national.table.search")}  ( / )`} value={asked.q} onChange={(event) => setFilters({ q: event.target.value.normalize("NFC") || null })} />
            </div>
            <Grid
              label={t("national.table.title")}
              rows={rows}
              columns={columns}
              idOf={(row) => row.key}
              cursor={cursor}
              onCursor={setCursor}
              rowHeight={52}
              onOpen={(row, apart) => {
                if (row.agency === null) return;
                const to = href(`/national/${encodeURIComponent(row.agency)}`);
                if (apart) window.open(to, "_blank", "noopener");
                else go(to);
              }}
              empty={
                filtered ? (
                  <Empty kind="filtered" title={t("national.empty.filtered")} action={<ActButton onClick={clear}>{t("national.table.clear")}</ActButton>} />
                ) : (
                  <Empty kind="nothing" title={t("national.empty.nothing")}>
                    {t("national.empty.nothingWhy")}
                  </Empty>
                )
              }
            />
          </Panel>
          <div className="national-pair">
            <Panel title={t("national.systems.title")}>
              {data.systems.length === 0 ? (
                <Empty kind="nothing" title={t("national.systems.none")} />
              ) : (
                <table className="plain">
                  <thead>
                    <tr>
                      <th scope="col">{t("national.systems.grade")}</th>
                      <th scope="col">{t("national.systems.count")}</th>
                      <th scope="col">{t("national.systems.sensed")}</th>
                      <th scope="col">{t("national.systems.last")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.systems.map((row) => (
                      <tr key={row.grade ?? 0}>
                        <th scope="row">{row.grade ?? t("national.systems.ungraded")}</th>
                        <td className="figures">{count(row.count, language)}</td>
                        <td>
                          <span className="systems-sensed">
                            <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                              <rect className="systems-all" width={row.count ? (100 * row.count) / most : 0} height="8" />
                              <rect className="systems-part" width={row.count ? (100 * row.sensed) / most : 0} height="8" />
                            </svg>
                            <span className="figures">{count(row.sensed, language)}</span>
                          </span>
                        </td>
                        <td>
                          <Ago at={row.last_data_at} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </Panel>
            <Panel title={t("national.raised.title")}>
              <p className="national-raised">
                <strong className="figures">{count(data.raised.new, language)}</strong> {t("national.raised.new")}
                <span className="muted">
                  {" · "}
                  <span className="figures">{count(data.raised.acknowledged, language)}</span> {t("national.raised.acknowledged")}
                </span>
              </p>
              <p className="chips">
                {LEVELS.filter((level) => data.raised.level[level]).map((level) => (
                  <Tag key={level}>
                    <Shape level={level} /> {t(`level.${level}`)} <span className="figures">{data.raised.level[level]}</span>
                  </Tag>
                ))}
              </p>
              {can("inbox.read") && <a href={href("/inbox")}>{t("national.raised.open")}</a>}
            </Panel>
          </div>
        </div>
      </div>
      {reminding?.agency && <ReminderDialog agency={reminding.agency} name={reminding.name} onClose={() => setReminding(null)} />}
    </>
  );
}

function NationalPage() {
  const { t } = useWords();
  const query = useQuery({
    queryKey: ["national"],
    queryFn: ({ signal }) => get<National>("/national", {}, signal),
    refetchInterval: EVERY_MS,
  });
  useTitle(t("national.title"));
  useKeys({ r: { label: "keys.refresh", run: () => void query.refetch() } });
  return (
    <div className="page page-wide national">
      <header className="page-head page-head-row">
        <h1>{t("national.title")}</h1>
        {query.data && (
          <span className="muted">
            {t("national.asOf")} <Time at={query.data.as_of} />
          </span>
        )}
        <div className="spread" />
        <a className="button" href={href("/organisation")}>
          {t("organisation.title")}
        </a>
      </header>
      <Ask query={query} rows={8}>
        {(data) => <Whole data={data} />}
      </Ask>
    </div>
  );
}

export const view: View = {
  path: "/national",
  title: "national.title",
  permission: "national.read",
  Component: NationalPage,
  rail: { group: "watch", order: 0, icon: "nation", key: "b" },
};
