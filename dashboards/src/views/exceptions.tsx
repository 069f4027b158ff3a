// /rules/exceptions — what this agency has chosen not to be told: by whom, why, until when, whether it is in force, and
// how much it has hidden since.
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { get, post } from "../api/client";
import type { ExceptionPage, RuleException } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { useAgencyName } from "../app/names";
import { go, href, useFilters } from "../app/route";
import { useSession } from "../app/session";
import { count } from "../app/text";
import { dateOf } from "../app/time";
import { toast } from "../app/toasts";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { Empty } from "../parts/empty";
import { type Column, Grid } from "../parts/grid";
import { useLoose } from "../parts/history";
import { Loading, Trouble, useExplain } from "../parts/panel";
import { LEVELS, Severity } from "../parts/severity";
import { Text } from "../parts/text";
import { Ago } from "../parts/time";
import { NoteDialog } from "./alerts/dialogs";
import { ConditionLine } from "./alerts/except";

const STATES = ["active", "expired", "ended"] as const;
const TONES = { in_force: "ok", waiting: "info", refused: "bad", over: "plain" } as const;

function State({ row }: { row: RuleException }) {
  const loose = useLoose();
  if (row.state !== "active") return <Tag>{loose("exceptionState", row.state)}</Tag>;
  return (
    <Tag tone={TONES[row.force]} title={row.fault ? loose("exceptionFault", row.fault) : ""}>
      {loose("exceptionForce", row.force)}
    </Tag>
  );
}

function Exceptions() {
  const { t, pick, language } = useWords();
  const { can } = useSession();
  const loose = useLoose();
  const agencyName = useAgencyName();
  const client = useQueryClient();
  const explain = useExplain();
  const [filters, setFilters] = useFilters();
  const state = STATES.find((one) => one === filters.get("state")) ?? "";
  const id = filters.get("id") ?? "";
  const [cursor, setCursor] = useState<string | null>(id || null);
  const [ending, setEnding] = useState<RuleException | null>(null);
  useTitle(t("exceptions.title"));
  const query = useInfiniteQuery({
    queryKey: ["exceptions", state, id],
    queryFn: ({ pageParam, signal }) => get<ExceptionPage>("/exceptions", { state, id, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 15_000, // in force or not, and how much it hid: the correlator's word
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const [first] = query.data?.pages ?? [];
  const end = useMutation({
    mutationFn: ({ row, reason }: { row: RuleException; reason: string }) => post<RuleException>(`/exceptions/${encodeURIComponent(row.id)}/end`, { reason }),
    onSuccess: (row) => toast(t("exceptions.ended", { id: row.id })),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["exceptions"] }),
  });
  useKeys({
    r: { label: "keys.refresh", run: () => void query.refetch() },
    u: { label: "keys.back", run: () => go(href("/rules")) },
  });
  const columns = useMemo<Column<RuleException>[]>(
    () => [
      { id: "state", header: t("column.status"), width: "148px", cell: (row) => <State row={row} /> },
      { id: "level", header: t("column.level"), width: "132px", from: 760, cell: (row) => { const level = LEVELS.find((one) => one === row.level); return level ? <Severity level={level} /> : null; } },
      {
        id: "what",
        header: t("column.rule"),
        width: "minmax(180px, 1fr)",
        cell: (row) => (
          <div className="two-lines">
            <span className="one-line row-title">
              <span className="figures">{row.id}</span> <Text>{row.rules.map((rule) => pick(rule.title) || rule.id).join("; ")}</Text>
            </span>
            <span className="row-second row-entities">
              {row.conditions.map((condition, index) => (
                <span key={`${condition.field} ${condition.op}`}>
                  {index > 0 && " · "}
                  <ConditionLine condition={condition} />
                </span>
              ))}
            </span>
          </div>
        ),
      },
      {
        id: "owner",
        header: t("exceptions.owner"),
        width: "minmax(140px, 0.6fr)",
        from: 700,
        cell: (row) => (
          <div className="two-lines">
            <span className="one-line">
              <Text>{row.owner}</Text>
            </span>
            <span className="one-line row-second" title={row.reason}>
              <Text>{row.ended ? t("exceptions.endedBy", { by: row.ended.by, reason: row.ended.reason }) : row.reason}</Text>
            </span>
          </div>
        ),
      },
      { id: "agency", header: t("column.agency"), width: "140px", from: 1300, cell: (row) => <Text>{agencyName(row.agency)}</Text> },
      { id: "until", header: t("exceptions.until"), width: "128px", from: 560, cell: (row) => <span className="figures">{dateOf(row.ended?.at ?? row.until)}</span> },
      {
        id: "hidden",
        header: t("exceptions.hidden"),
        width: "112px",
        end: true,
        from: 480,
        cell: (row) => (
          <div className="two-lines">
            <span className="figures">{count(row.hidden, language)}</span>
            <span className="row-second">{row.hidden_at && <Ago at={row.hidden_at} />}</span>
          </div>
        ),
      },
      { id: "acts", header: "", width: "112px", from: 480, cell: (row) => row.may_end && can("exceptions.work") && <ActButton onClick={() => setEnding(row)}>{t("exceptions.end")}</ActButton> },
    ],
    [t, pick, language, agencyName, can],
  );
  const numbers = first?.counts ?? {};
  const all = STATES.reduce((sum, one) => sum + (numbers[one] ?? 0), 0);
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("exceptions.title")}</h1>
        {first && <span className="muted page-count">{t("exceptions.shown", { count: first.total })}</span>}
        <div className="spread" />
        <a href={href("/rules")}>← {t("exceptions.toRules")}</a>
      </header>
      <div className="filters">
        <div className="tabs" role="group" aria-label={t("column.status")}>
          {(["", ...STATES] as const).map((one) => (
            <button key={one} type="button" aria-pressed={state === one} onClick={() => setFilters({ state: one || null, id: null })}>
              {one ? loose("exceptionState", one) : t("exceptions.all")}
              <span className="figures tab-count">{count(one ? (numbers[one] ?? 0) : all, language)}</span>
            </button>
          ))}
        </div>
      </div>
      {query.isError && !first ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : !first ? (
        <Loading rows={8} />
      ) : (
        <Grid
          label={t("exceptions.title")}
          rows={rows}
          columns={columns}
          idOf={(row) => row.id}
          cursor={cursor}
          onCursor={setCursor}
          rowHeight={48}
          onOpen={(row) => go(href(`/alerts/${row.alert_id}`))}
          more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
          empty={
            state || id ? (
              <Empty kind="filtered" title={t("exceptions.noneHere")} action={<ActButton onClick={() => setFilters({ state: null, id: null })}>{t("filter.clear")}</ActButton>} />
            ) : (
              <Empty kind="nothing" title={t("exceptions.none")}>
                {t("exceptions.noneWhy")}
              </Empty>
            )
          }
        />
      )}
      {ending && (
        <NoteDialog
          title={t("exceptions.endTitle", { id: ending.id })}
          label={t("exceptions.endReason")}
          send={t("exceptions.end")}
          onClose={() => setEnding(null)}
          onDone={(reason) => {
            setEnding(null);
            end.mutate({ row: ending, reason });
          }}
        />
      )}
    </div>
  );
}

export const view: View = { path: "/rules/exceptions", title: "exceptions.title", permission: "alerts.read", Component: Exceptions };
