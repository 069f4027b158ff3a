// /hunt — search in the events. The query is text in the address; a range is typed or chosen; what is partial says so.
import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { get, Refusal } from "../../api/client";
import type { EventPage } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useFilters } from "../../app/route";
import { count } from "../../app/text";
import { momentOf } from "../../app/time";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { EventLine } from "../../parts/event";
import { Loading, Panel, Trouble } from "../../parts/panel";

const Histogram = lazy(() => import("./histogram"));
const RANGES = ["15m", "1h", "24h", "7d", "30d", "all"] as const;
const SECONDS: Record<string, number> = { "15m": 900, "1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
/** The server reads the last 24 hours unless it is told; "all time" must be said. */
const BEGINNING = "1970-01-01T00:00:00Z";
const EXAMPLES = ["event.outcome:failure AND event.action:ssh_login", "event.dataset:network.dns", "source.ip:10.0.0.0/8 AND http.response.status_code>=400", "service.state:down"];

function Hunt() {
  const { t, language } = useWords();
  const [filters, setFilters] = useFilters();
  const q = filters.get("q") ?? "";
  const range = filters.get("range") ?? "24h";
  const from = filters.get("since");
  const to = filters.get("until");
  const [asked, setAsked] = useState(0);
  // "24 giờ qua" is fixed when the question is asked, so that paging reads one and the same range.
  const window_ = useMemo(() => {
    if (from || to) return { since: from, until: to };
    const seconds = SECONDS[range];
    return { since: seconds ? new Date(Date.now() - seconds * 1000).toISOString() : BEGINNING, until: null };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [from, to, range, q, asked]);
  const query = useInfiniteQuery({
    queryKey: ["events", q, window_],
    queryFn: ({ pageParam, signal }) =>
      get<EventPage>("/events", { q, ...window_, limit: 100, cursor: pageParam, histogram: pageParam ? null : true }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    retry: false,
  });
  const box = useRef<HTMLInputElement>(null);
  useTitle(t("nav.hunt"));
  const run = () => {
    const text = (box.current?.value ?? "").trim().normalize("NFC");
    setAsked((number) => number + 1);
    setFilters({ q: text || null });
  };
  useKeys({
    "/": { label: "keys.search", run: () => box.current?.focus() },
    r: { label: "keys.refresh", run },
  });
  useEffect(() => {
    if (!q) box.current?.focus();
  }, [q]);
  const [first] = query.data?.pages ?? [];
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const bars = first?.histogram ?? [];
  const bad = query.error instanceof Refusal && query.error.status === 400;
  return (
    <div className="page page-wide">
      <header className="page-head page-head-row">
        <h1>{t("nav.hunt")}</h1>
        <span className="muted">{t("hunt.what")}</span>
      </header>
      <form
        className="hunt-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <input
          ref={box}
          type="search"
          className="hunt-box figures"
          spellCheck={false}
          autoComplete="off"
          aria-label={t("hunt.query")}
          aria-invalid={bad}
          placeholder={t("hunt.placeholder")}
          defaultValue={q}
          key={q}
        />
        <select
          aria-label={t("hunt.range")}
          value={from || to ? "custom" : range}
          onChange={(event) => setFilters({ range: event.target.value, since: null, until: null })}
        >
          {RANGES.map((value) => (
            <option key={value} value={value}>
              {t(`range.${value}`)}
            </option>
          ))}
          {(from || to) && (
            <option value="custom">
              {from ? momentOf(from) : "…"} – {to ? momentOf(to) : "…"}
            </option>
          )}
        </select>
        {query.isFetching ? (
          <ActButton onClick={() => void query.refetch({ cancelRefetch: true })} disabled>
            {t("loading.still")}
          </ActButton>
        ) : (
          <button type="submit" className="button button-main">
            {t("hunt.run")} <kbd aria-hidden="true">↵</kbd>
          </button>
        )}
      </form>
      {query.isError && !first ? (
        <Trouble error={query.error} {...(bad ? {} : { retry: () => void query.refetch() })} />
      ) : query.isPending ? (
        <Loading rows={10} />
      ) : (
        <>
          {bars.length > 1 && (
            <Panel className="histogram">
              <Suspense fallback={<div className="histogram-box" aria-busy="true" />}>
                <Histogram bars={bars} onZoom={(since, until) => setFilters({ since, until, range: null })} />
              </Suspense>
            </Panel>
          )}
          <Panel
            title={t("hunt.events")}
            aside={
              first && (
                <span className="muted">
                  {first.partial && (
                    <Tag tone="warn" title={first.partial}>
                      {t("events.partial")}
                    </Tag>
                  )}{" "}
                  <span className="figures">
                    {count(items.length, language)} / {first.total_is_floor ? "≥ " : ""}
                    {count(first.total, language)}
                  </span>
                  {first.took_ms !== undefined && (
                    <>
                      {" · "}
                      <span className="figures">{count(Math.round(first.took_ms), language)} ms</span>
                    </>
                  )}
                </span>
              )
            }
          >
            {items.length === 0 ? (
              <Empty
                kind={q || range !== "all" ? "filtered" : "nothing"}
                title={t(q || range !== "all" ? "hunt.empty.filtered" : "hunt.empty.nothing")}
                action={range !== "all" || from ? <ActButton onClick={() => setFilters({ range: "all", since: null, until: null })}>{t("hunt.widen")}</ActButton> : undefined}
              >
                {t("hunt.empty.why")}
                <span className="examples">
                  {EXAMPLES.map((example) => (
                    <button key={example} type="button" className="example figures" onClick={() => setFilters({ q: example })}>
                      {example}
                    </button>
                  ))}
                </span>
              </Empty>
            ) : (
              <>
                <ul className="events">
                  {items.map((event, index) => (
                    <EventLine key={index} event={event} />
                  ))}
                </ul>
                {query.hasNextPage && (
                  <ActButton disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    {t("list.more")}
                  </ActButton>
                )}
              </>
            )}
          </Panel>
        </>
      )}
    </div>
  );
}

export const view: View = {
  path: "/hunt",
  title: "nav.hunt",
  permission: "events.read",
  Component: Hunt,
  rail: { group: "watch", order: 4, icon: "hunt", key: "h" },
};
