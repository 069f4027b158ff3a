// Acts on alerts: shown at once (optimistic), sent to the server, taken back by their inverse, told when refused.
// Every cached list and page of alerts is patched in place, so rows keep their place.
import { type InfiniteData, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { get, post, Refusal } from "../api/client";
import type { Alert, AlertDetail, AlertPage, Disposition, Person } from "../api/types";
import { useWords } from "../i18n";
import { useExplain } from "../parts/panel";
import { useSession } from "./session";
import { forget, toast } from "./toasts";

const TOGETHER = 4; // requests at a time in a bulk act
const patchers = new Set<string>();

/** Alerts that this user has changed: only these may leave a list before it is asked for again. */
export const touched: ReadonlySet<string> = patchers;

export function patchAlert(client: QueryClient, id: string, change: (alert: Alert) => Alert) {
  client.setQueriesData<InfiniteData<AlertPage>>({ queryKey: ["alerts"] }, (found) => {
    if (!found?.pages.some((page) => page.items.some((alert) => alert.id === id))) return found;
    return {
      ...found,
      pages: found.pages.map((page) => ({
        ...page,
        items: page.items.map((alert) => (alert.id === id ? change(alert) : alert)),
      })),
    };
  });
  client.setQueriesData<AlertDetail>({ queryKey: ["alert", id, "detail"] }, (found) =>
    found ? { ...found, ...change(found) } : found,
  );
}

/** The server's newer truth of one alert, laid over what the lists hold. */
export async function refreshAlert(client: QueryClient, id: string) {
  const fresh = await get<AlertDetail>(`/alerts/${encodeURIComponent(id)}`);
  client.setQueryData(["alert", id, "detail"], (old: AlertDetail | undefined) => (old ? fresh : undefined));
  patchAlert(client, id, (old) => (fresh.revision < old.revision ? old : { ...old, ...summary(fresh) }));
}

/** Of many alerts at once: one request for the rows; the whole of an alert only where its page is open. */
export async function refreshAlerts(client: QueryClient, ids: readonly string[]) {
  const cached = (id: string, type: "active" | "all") => client.getQueryCache().findAll({ queryKey: ["alert", id, "detail"], type }).length > 0;
  const open = ids.filter((id) => cached(id, "active"));
  const rows = ids.filter((id) => !open.includes(id));
  const page = rows.length ? get<AlertPage>("/alerts", { id: rows, status: "all", limit: rows.length }) : null;
  for (const id of open) {
    void refreshAlert(client, id).catch(() => {});
    void client.invalidateQueries({ queryKey: ["alert", id, "history"] });
  }
  for (const fresh of (await page)?.items ?? []) {
    patchAlert(client, fresh.id, (old) => (fresh.revision < old.revision ? old : { ...old, ...fresh }));
    // A page that was closed is read anew when it is opened again.
    if (cached(fresh.id, "all")) void client.invalidateQueries({ queryKey: ["alert", fresh.id] });
  }
}

function summary({ hits: _hits, hits_total: _total, description: _about, steps: _steps, delivery: _delivery, words: _words, ...alert }: AlertDetail): Alert {
  return alert;
}

export type Act =
  | { name: "claim" }
  | { name: "release" }
  | { name: "assign"; to: Person; note?: string }
  | { name: "reopen"; note?: string }
  | { name: "note"; text: string }
  | { name: "snooze"; until: string; reason: string }
  | { name: "close"; disposition: Disposition; note?: string }
  | { name: "raise"; note?: string };

function body(act: Act): Record<string, unknown> {
  if (act.name === "assign") return { to: act.to.id, ...(act.note ? { note: act.note } : {}) };
  const { name: _name, ...rest } = act;
  return rest;
}

export function useAlertActs() {
  const client = useQueryClient();
  const { me } = useSession();
  const { t } = useWords();
  const explain = useExplain();

  return useMemo(() => {
    const mine = { id: me.user.id, name: me.user.name };
    const shown = (alert: Alert, act: Act): Alert => {
      switch (act.name) {
        case "claim":
          return { ...alert, status: "claimed", assignee: mine, snooze: null, woken: false };
        case "assign":
          return { ...alert, status: "claimed", assignee: act.to, snooze: null, woken: false };
        case "release":
          return { ...alert, status: "new", assignee: null };
        case "reopen":
          return { ...alert, status: alert.assignee ? "claimed" : "new", snooze: null, disposition: null };
        case "snooze":
          return { ...alert, status: "snoozed", snooze: { until: act.until, reason: act.reason, by: me.user.name } };
        case "close":
          return { ...alert, status: "closed", disposition: act.disposition, snooze: null };
        default:
          return alert;
      }
    };
    const way = (before: Alert, act: Act): Act[] => {
      // Reopening gives an alert back to whom it was assigned; a sleeping one is put to sleep again.
      const asleep: Act[] = before.status === "snoozed" && before.snooze ? [{ name: "snooze", until: before.snooze.until, reason: before.snooze.reason }] : [];
      if (act.name === "claim") return [...(before.assignee ? [] : [{ name: "release" } as Act]), ...asleep];
      if (act.name === "release") return [{ name: "claim" }];
      if (act.name === "close") return [{ name: "reopen" }, ...asleep];
      if (act.name === "snooze") return asleep.length ? asleep : [{ name: "reopen" }];
      if (act.name === "reopen" && before.status === "closed" && before.disposition)
        return [{ name: "close", disposition: before.disposition, note: t("act.undone") }];
      return [];
    };

    const send = async (id: string, act: Act, wanted = () => true) => {
      const after = await post<Alert>(`/alerts/${encodeURIComponent(id)}/${act.name}`, body(act));
      if (act.name === "raise") void client.invalidateQueries({ queryKey: ["alert", id, "detail"] });
      if (wanted() && after && "revision" in after)
        patchAlert(client, id, (old) => (after.revision < old.revision ? old : { ...old, ...after }));
    };
    const settle = (ids: string[]) => {
      for (const id of ids) void client.invalidateQueries({ queryKey: ["alert", id, "history"] });
      void client.invalidateQueries({ queryKey: ["alerts-head"] });
    };

    const each = async (alerts: readonly Alert[], run: (alert: Alert) => Promise<void>) => {
      const failed: { alert: Alert; error: unknown }[] = [];
      const queue = [...alerts];
      const worker = async () => {
        for (let alert = queue.shift(); alert; alert = queue.shift()) {
          try {
            await run(alert);
          } catch (error) {
            failed.push({ alert, error });
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(TOGETHER, alerts.length) }, worker));
      return failed;
    };

    // The act may still be under way when it is taken back: its inverse follows it, or the server would refuse the
    // inverse first and do the act afterwards.
    const undo = async (alerts: readonly Alert[], act: Act, sent: ReturnType<typeof each>) => {
      for (const alert of alerts) {
        patchAlert(client, alert.id, (now) => ({ ...alert, revision: now.revision, count: now.count, spark: now.spark }));
      }
      const refused = new Set((await sent).map(({ alert }) => alert.id));
      const done = alerts.filter((alert) => !refused.has(alert.id));
      const failed = await each(done, async (alert) => {
        for (const back of way(alert, act)) await send(alert.id, back);
      });
      for (const { alert } of failed) void refreshAlert(client, alert.id);
      if (failed[0]) toast(explain(failed[0].error).text, { bad: true });
      else if (done.length) toast(t("act.takenBack", { count: done.length }));
      settle(alerts.map((alert) => alert.id));
    };

    const perform = async (alerts: readonly Alert[], act: Act) => {
      if (!alerts.length) return;
      for (const alert of alerts) {
        patchers.add(alert.id);
        patchAlert(client, alert.id, (now) => shown(now, act));
      }
      const reversible = alerts.every((alert) => way(alert, act).length > 0);
      const words = alerts.length === 1 && alerts[0] ? alerts[0].id : t("act.many", { count: alerts.length });
      let takenBack = false;
      const sent = each(alerts, (alert) => send(alert.id, act, () => !takenBack));
      const back = () => {
        takenBack = true;
        void undo(alerts, act, sent);
      };
      const id = toast(`${t(`act.done.${act.name}`)} · ${words}`, reversible ? { undo: back } : {});
      const failed = await sent;
      if (failed.length) {
        if (failed.length === alerts.length) forget(id);
        for (const { alert, error } of failed) {
          patchAlert(client, alert.id, () => alert);
          if (error instanceof Refusal && [404, 409, 412].includes(error.status)) void refreshAlert(client, alert.id);
        }
        const first = failed[0];
        const why = explain(first?.error).text;
        toast(alerts.length === 1 ? why : t("act.partly", { failed: failed.length, all: alerts.length, why }), { bad: true });
      }
      settle(alerts.map((alert) => alert.id));
    };
    return { perform };
  }, [client, me, t, explain]);
}
