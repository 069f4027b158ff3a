// /audit — who did what, filtered, page by page, as a file; and whether the chain of it is whole.
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { address, get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useAgencyName } from "../../app/names";
import { useFilters } from "../../app/route";
import { count } from "../../app/text";
import { momentOf } from "../../app/time";
import { toast } from "../../app/toasts";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { useLoose } from "../../parts/history";
import { Loading, Trouble, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import type { AuditEntries, AuditRow } from "../people/types";
import "../people/people.css";

const OUTCOMES = ["done", "denied", "failed"] as const;
type Chain = AuditEntries["chain"];

function Entry({ entry, onClose }: { entry: AuditRow; onClose: () => void }) {
  const { t } = useWords();
  const loose = useLoose();
  const agencyName = useAgencyName();
  const facts: [string, string][] = [
    [t("records.who"), `${entry.actor_name} (${entry.actor})`],
    [t("records.what"), `${loose("records.acts", entry.act.replace(/\./g, "_"), entry.act)} (${entry.act})`],
    [t("records.object"), entry.object || "—"],
    [t("column.agency"), entry.agency ? agencyName(entry.agency) : "—"],
    [t("records.outcome"), loose("records.outcomes", entry.outcome)],
    [t("account.address"), entry.address || "—"],
    [t("records.hash"), entry.hash],
  ];
  return (
    <Dialog title={t("records.entry", { seq: entry.seq })} onClose={onClose} wide>
      <dl className="facts">
        <div>
          <dt>{t("records.when")}</dt>
          <dd>
            <Time at={entry.at} since />
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Text>{value}</Text>
            </dd>
          </div>
        ))}
      </dl>
      {Object.keys(entry.detail).length > 0 && (
        <pre className="codes figures">
          <Text mono>{JSON.stringify(entry.detail, null, 1)}</Text>
        </pre>
      )}
    </Dialog>
  );
}

function ChainState({ chain }: { chain: Chain }) {
  const { t, language } = useWords();
  const explain = useExplain();
  const whole = useMutation({
    mutationFn: () => get<Chain>("/audit/chain", { whole: true }),
    onSuccess: (found) => toast(found.ok ? t("records.walked", { to: count(found.verified_to, language) }) : t("audit.broken"), { bad: !found.ok }),
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const said = whole.data && !whole.data.ok ? whole.data : chain;
  const when = said.at ? momentOf(said.at) : "";
  return (
    <>
      <Tag tone={said.ok ? "ok" : "bad"} title={said.problem ?? t("records.verified", { to: count(said.verified_to, language), at: when })}>
        {t(said.ok ? "audit.whole" : "audit.broken")}
      </Tag>
      <ActButton tone="quiet" disabled={whole.isPending} onClick={() => whole.mutate()}>
        {t(whole.isPending ? "records.walking" : "records.walk")}
      </ActButton>
    </>
  );
}

/** From the day typed (Vietnam's time) to its first or last moment. */
const moment = (day: string, end: boolean) => (day ? new Date(new Date(`${day}T00:00:00+07:00`).getTime() + (end ? 86_400_000 : 0)).toISOString() : "");

function AuditPage() {
  const { t, language } = useWords();
  const loose = useLoose();
  const agencyName = useAgencyName();
  const [filters, setFilters] = useFilters();
  const [cursor, setCursor] = useState<string | null>(null);
  const [open, setOpen] = useState<AuditRow | null>(null);
  useTitle(t("audit.title"));
  const wanted = {
    actor: filters.get("actor"),
    act: filters.get("act"),
    object: filters.get("object"),
    agency: filters.get("agency"),
    outcome: filters.get("outcome"),
    since: moment(filters.get("since") ?? "", false),
    until: moment(filters.get("until") ?? "", true),
    providers: filters.get("providers") ? true : null,
  };
  const query = useInfiniteQuery({
    queryKey: ["audit", "list", wanted],
    queryFn: ({ signal, pageParam }) => get<AuditEntries>("/audit", { ...wanted, limit: 100, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
  });
  useKeys({ r: { label: "keys.refresh", run: () => void query.refetch() } });
  const first = query.data?.pages[0];
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const columns = useMemo<Column<AuditRow>[]>(
    () => [
      { id: "at", header: t("records.when"), width: "112px", cell: (row) => <Time at={row.at} short /> },
      { id: "who", header: t("records.who"), width: "minmax(110px, 1fr)", cell: (row) => <Text>{row.actor_name || row.actor}</Text> },
      { id: "act", header: t("records.what"), width: "minmax(130px, 1.2fr)", cell: (row) => <span title={row.act}>{loose("records.acts", row.act.replace(/\./g, "_"), row.act)}</span> },
      { id: "object", header: t("records.object"), width: "minmax(100px, 1fr)", from: 560, cell: (row) => <Text mono>{row.object}</Text> },
      { id: "agency", header: t("column.agency"), width: "minmax(90px, 160px)", from: 900, cell: (row) => (row.agency ? <span title={row.agency}><Text>{agencyName(row.agency)}</Text></span> : <span className="muted">—</span>) },
      { id: "outcome", header: t("records.outcome"), width: "112px", from: 640, cell: (row) => (row.outcome === "done" ? <span className="muted">{t("records.outcomes.done")}</span> : <Tag tone="warn">{loose("records.outcomes", row.outcome)}</Tag>) },
      { id: "address", header: t("account.address"), width: "136px", from: 1060, cell: (row) => <Text mono>{row.address}</Text> },
    ],
    [t, loose, agencyName],
  );
  const text = (name: "actor" | "act" | "object" | "agency", label: string) => (
    <label>
      <span>{label}</span>
      <input type="search" value={filters.get(name) ?? ""} maxLength={64} onChange={(event) => setFilters({ [name]: event.target.value })} />
    </label>
  );
  const clear = () => setFilters(Object.fromEntries(["actor", "act", "object", "agency", "outcome", "since", "until", "providers"].map((name) => [name, null])));
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("audit.title")}</h1>
        {first && <ChainState chain={first.chain} />}
        <div className="spread" />
        {first && <span className="muted">{t("records.total", { count: first.total, shown: count(first.total, language) })}</span>}
        <a className="button" href={address("/audit/export", wanted)} download>
          {t("records.export")}
        </a>
      </header>
      <div className="audit-filters" role="search" aria-label={t("records.filter")}>
        {text("actor", t("records.who"))}
        {text("act", t("records.what"))}
        {text("object", t("records.object"))}
        {text("agency", t("column.agency"))}
        <label>
          <span>{t("records.outcome")}</span>
          <select value={filters.get("outcome") ?? ""} onChange={(event) => setFilters({ outcome: event.target.value })}>
            <option value="">{t("records.any")}</option>
            {OUTCOMES.map((one) => (
              <option key={one} value={one}>
                {t(`records.outcomes.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{t("records.since")}</span>
          <input type="date" value={filters.get("since") ?? ""} onChange={(event) => setFilters({ since: event.target.value })} />
        </label>
        <label>
          <span>{t("records.until")}</span>
          <input type="date" value={filters.get("until") ?? ""} onChange={(event) => setFilters({ until: event.target.value })} />
        </label>
        <label className="check">
          <input type="checkbox" checked={Boolean(filters.get("providers"))} onChange={(event) => setFilters({ providers: event.target.checked ? "1" : null })} />
          <span>{t("records.providers")}</span>
        </label>
      </div>
      {query.isError && <Trouble error={query.error} retry={() => void query.refetch()} />}
      {query.isPending ? (
        <Loading rows={8} />
      ) : (
        <Grid
          label={t("audit.title")}
          rows={rows}
          columns={columns}
          idOf={(row) => String(row.seq)}
          cursor={cursor}
          onCursor={setCursor}
          onOpen={setOpen}
          rowHeight={36}
          more={{ has: query.hasNextPage, loading: query.isFetchingNextPage, load: () => void query.fetchNextPage() }}
          empty={<Empty kind="filtered" title={t("records.none")} action={<ActButton onClick={clear}>{t("records.clear")}</ActButton>} />}
        />
      )}
      {open && <Entry entry={open} onClose={() => setOpen(null)} />}
    </div>
  );
}

export const view: View = {
  path: "/audit",
  title: "audit.title",
  permission: "audit.read",
  Component: AuditPage,
  rail: { group: "care", order: 4, icon: "audit", key: "k" },
};
