// The server's word that something changed (SSE). In: /api/v1/stream. Out: listeners per kind and one connection state.
// The browser reconnects by itself with Last-Event-ID; when it gives up (an answer other than 200) we try again, slower.
import { useSyncExternalStore } from "react";
import { address } from "./client";
import type { StreamEvent } from "./types";

// A record, so that a kind which is added to the type and not here does not compile: nobody would hear it.
const HEARD: Record<StreamEvent["type"], true> = { alert: true, incident: true, clock: true, raised: true, delivery: true, sensor: true, system: true, inventory: true, service: true, national: true, notice: true };
const KINDS = Object.keys(HEARD) as StreamEvent["type"][];
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

type Listener = (event: StreamEvent) => void;
export type Link = { live: boolean; since: number };

let source: EventSource | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let attempt = 0;
let link: Link = { live: false, since: Date.now() };
const listeners = new Set<Listener>();
const watchers = new Set<() => void>();
const returns = new Set<() => void>();

function setLive(live: boolean) {
  if (link.live === live) return;
  link = { live, since: Date.now() };
  for (const run of watchers) run();
}

export function openStream() {
  if (source) return;
  const here = new EventSource(address("/stream"));
  source = here;
  here.onopen = () => {
    const back = attempt > 0 || !link.live;
    attempt = 0;
    setLive(true);
    if (back) for (const run of returns) run();
  };
  here.onerror = () => {
    setLive(false);
    if (here.readyState === EventSource.CLOSED) {
      source = null;
      timer = setTimeout(openStream, RETRY_MS[Math.min(attempt++, RETRY_MS.length - 1)]);
    }
  };
  for (const kind of KINDS) {
    here.addEventListener(kind, (message) => {
      try {
        const data = JSON.parse((message as MessageEvent<string>).data) as Omit<StreamEvent, "type">;
        for (const run of listeners) run({ ...data, type: kind });
      } catch {
        // A message we cannot read says nothing; the next list request tells the truth.
      }
    });
  }
}

export function closeStream() {
  clearTimeout(timer);
  source?.close();
  source = null;
  attempt = 0;
  setLive(false);
}

export function listen(run: Listener): () => void {
  listeners.add(run);
  return () => listeners.delete(run);
}

/** `run` is called whenever the link is up again: what was missed meanwhile must be asked for. */
export function onReturn(run: () => void): () => void {
  returns.add(run);
  return () => returns.delete(run);
}

export function useLink(): Link {
  return useSyncExternalStore(
    (run) => {
      watchers.add(run);
      return () => watchers.delete(run);
    },
    () => link,
  );
}
