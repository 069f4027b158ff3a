// What the stream says, turned into what the screen does. Counts move, rows do not: a changed alert is laid over its
// row in place; new ones are counted ("12 cảnh báo mới") until the user asks for them. Bursts are gathered.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { listen, onReturn } from "../api/stream";
import type { StreamEvent } from "../api/types";
import { refreshAlerts } from "./cases";
import { gather } from "./gather";

const GATHER_MS = 500;
const HEAD_MS = 1_500;
const AT_ONCE = 50; // alerts asked for in one request (api/resources/alerts.py: IDS)

export function useLive() {
  const client = useQueryClient();
  useEffect(() => {
    const timers = new Map<string, ReturnType<typeof setTimeout>>();
    const later = (key: string, ms: number, run: () => void) => {
      if (timers.has(key)) return;
      timers.set(
        key,
        setTimeout(() => {
          timers.delete(key);
          run();
        }, ms),
      );
    };
    const held = (id: string) =>
      client.getQueryCache().findAll({ queryKey: ["alert", id] }).length > 0 ||
      client
        .getQueriesData<{ pages: { items: { id: string }[] }[] }>({ queryKey: ["alerts"] })
        .some(([, data]) => data?.pages.some((page) => page.items.some((alert) => alert.id === id)));
    const changed = gather((ids) => refreshAlerts(client, ids), held, { soonMs: GATHER_MS, againMs: HEAD_MS, atOnce: AT_ONCE });
    const again = (...keys: string[]) => {
      for (const key of keys) void client.invalidateQueries({ queryKey: [key] });
    };
    const onEvent = (event: StreamEvent) => {
      later("overview", HEAD_MS, () => again("overview"));
      if (event.type === "alert") {
        if (event.kind === "changed") changed.add(event.id);
        later("head", HEAD_MS, () => again("alerts-head"));
      } else if (event.type === "incident" || event.type === "delivery") {
        later("incidents", GATHER_MS, () => again("incidents", "incident", "deliveries"));
        if (event.type === "delivery") changed.add(event.id); // an alert raised by itself: the centre's answer belongs on its page
      } else if (event.type === "clock") {
        later("clocks", GATHER_MS, () => again("clocks", "incident"));
      } else if (event.type === "notice") {
        later("notices", GATHER_MS, () => again("notices", "oncall"));
      } else if (event.type === "raised") {
        later("inbox", GATHER_MS, () => again("inbox-head", "raised", "shared"));
      } else if (event.type === "service") {
        later("services", GATHER_MS, () => again("services", "service", "maintenance"));
      } else if (event.type === "national") {
        later("national", HEAD_MS, () => again("national", "reminders"));
      } else if (event.type === "inventory") later("inventory", HEAD_MS, () => again("inventory"));
      else if (event.type === "sensor") later("sensors", HEAD_MS, () => again("sensors", "sensor"));
      else later("system", HEAD_MS, () => again("system", "dead-letters"));
    };
    const stops = [
      listen(onEvent),
      onReturn(() => again("overview", "alerts-head", "incidents", "incident", "clocks", "notices", "oncall", "deliveries", "inbox-head", "raised", "shared", "sensors", "services", "service", "system")),
    ];
    return () => {
      for (const stop of stops) stop();
      changed.stop();
      for (const timer of timers.values()) clearTimeout(timer);
    };
  }, [client]);
}

/** "(12) Hàng đợi cảnh báo – Lũy Tre": the number of new things waiting, in the tab's title. */
export function useTitle(title: string, fresh = 0) {
  useEffect(() => {
    document.title = `${fresh ? `(${fresh}) ` : ""}${title} – Lũy Tre`;
  }, [title, fresh]);
}
