// What went where: one row a sending, its state, its error in words; what was given up can be sent again.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { get, post } from "../../api/client";
import { href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { Loading, Trouble, useExplain } from "../../parts/panel";
import { Severity } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import type { Sending, Sendings } from "./types";

const STATES = ["", "open", "sent", "given_up", "shown"] as const;
const TONES = { waiting: "warn", sending: "info", sent: "ok", given_up: "bad", shown: "plain" } as const;

export function SendingTag({ row }: { row: Pick<Sending, "state" | "error" | "receipt"> }) {
  const { t, pick } = useWords();
  return (
    <Tag tone={TONES[row.state]} title={row.error ? pick(row.error) : row.receipt}>
      {t(`notices.state.${row.state}`)}
    </Tag>
  );
}

export function Deliveries() {
  const { t, pick } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const [filters, setFilters] = useFilters();
  const state = filters.get("state") ?? "";
  const [cursor, setCursor] = useState<string | null>(null);
  const query = useInfiniteQuery({
    queryKey: ["notices", "deliveries", state],
    queryFn: ({ pageParam, signal }) => get<Sendings>("/notices/deliveries", { state, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 15_000,
  });
  const again = useMutation({
    mutationFn: (row: Sending) => post(`/notices/deliveries/${row.id}/again`),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["notices", "deliveries"] }),
  });
  const manage = can("notices.manage");
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const columns = useMemo<Column<Sending>[]>(
    () => [
      { id: "state", header: t("notices.column.state"), width: "190px", sort: (row) => row.state, cell: (row) => <SendingTag row={row} /> },
      { id: "level", header: t("column.level"), width: "132px", from: 700, sort: (row) => row.level, cell: (row) => <Severity level={row.level} /> },
      {
        id: "what",
        header: t("notices.column.what"),
        width: "minmax(160px, 1fr)",
        sort: (row) => row.ref,
        cell: (row) => (
          <span className="one-line" title={row.error ? pick(row.error) : undefined}>
            <span className="row-title">
              {row.count > 1 ? t("notices.many", { count: row.count }) : <Text>{`${t(`notices.kind.${row.kind as "alert"}`)} ${row.ref}`}</Text>}
            </span>
            {row.state === "given_up" || row.state === "waiting" ? row.error && <span className="muted"> · {pick(row.error)}</span> : null}
          </span>
        ),
      },
      { id: "to", header: t("notices.column.to"), width: "minmax(110px, 220px)", from: 480, sort: (row) => row.channel ?? row.person?.name ?? "", cell: (row) => <Text>{[row.channel, row.person?.name].filter(Boolean).join(" · ") || "—"}</Text> },
      { id: "why", header: t("notices.column.why"), width: "132px", from: 1000, sort: (row) => row.why, cell: (row) => t(`notices.why.${row.why as "route"}`) },
      { id: "taken", header: t("notices.column.taken"), width: "140px", from: 1100, sort: (row) => row.acknowledged_by ?? "", cell: (row) => (row.acknowledged_by ? <Text>{row.acknowledged_by}</Text> : <span className="muted">—</span>) },
      { id: "tries", header: t("notices.column.tries"), width: "84px", end: true, from: 900, sort: (row) => row.attempts, cell: (row) => <span className="figures">{row.attempts}</span> },
      { id: "at", header: t("notices.column.at"), width: "112px", from: 560, sort: (row) => row.made_at, cell: (row) => <Time at={row.sent_at ?? row.made_at} short /> },
      ...(manage
        ? [{ id: "again", header: "", width: "96px", from: 800, cell: (row: Sending) => row.state === "given_up" && row.channel_id !== null && <ActButton onClick={() => again.mutate(row)}>{t("notices.again")}</ActButton> }]
        : []),
    ],
    [t, pick, manage, again.mutate],
  );
  if (query.isPending) return <Loading rows={8} />;
  if (query.isError && rows.length === 0) return <Trouble error={query.error} retry={() => void query.refetch()} />;
  return (
    <>
      <div className="filters">
        <div className="tabs" role="group" aria-label={t("notices.column.state")}>
          {STATES.map((value) => (
            <button key={value} type="button" aria-pressed={state === value} onClick={() => setFilters({ state: value || null })}>
              {t(`notices.filter.${value || "all"}`)}
            </button>
          ))}
        </div>
      </div>
      <Grid
        label={t("notices.tabs.deliveries")}
        rows={rows}
        columns={columns}
        idOf={(row) => String(row.id)}
        cursor={cursor}
        onCursor={setCursor}
        rowHeight={44}
        more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
        empty={
          <Empty kind={state ? "filtered" : "nothing"} title={t("notices.emptyDeliveries")} action={state ? undefined : <a className="button" href={href("/notices", { tab: "channels" })}>{t("notices.toChannels")}</a>}>
            {state ? undefined : t("notices.emptyDeliveriesWhy")}
          </Empty>
        }
      />
    </>
  );
}
