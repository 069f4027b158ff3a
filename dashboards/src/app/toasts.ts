// What just happened, and the way back: a change that can be taken back and a refusal stay 10 s, a plain word 4 s; `z`
// takes back what its toast no longer shows too. Two at most are seen, a refusal before a confirmation.
import { useSyncExternalStore } from "react";

const TOAST_MS = 10_000;
const PLAIN_MS = 4_000;
const UNDO_LIMIT = 50;
const SHOWN_LIMIT = 2;

export type Toast = { id: number; text: string; tone: "done" | "bad"; undo: (() => void) | null };

let toasts: readonly Toast[] = [];
let next = 1;
const past: { id: number; undo: () => void }[] = [];
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const watchers = new Set<() => void>();

function publish(list: readonly Toast[]) {
  toasts = list;
  for (const run of watchers) run();
}

export function dismiss(id: number) {
  clearTimeout(timers.get(id));
  timers.delete(id);
  publish(toasts.filter((toast) => toast.id !== id));
}

export function toast(text: string, options: { undo?: () => void; bad?: boolean } = {}): number {
  const id = next++;
  const undo = options.undo;
  if (undo) {
    past.push({ id, undo });
    if (past.length > UNDO_LIMIT) past.shift();
  }
  const shown: Toast = { id, text, tone: options.bad ? "bad" : "done", undo: undo ? () => takeBack(id) : null };
  const list = [...toasts, shown];
  while (list.length > SHOWN_LIMIT) {
    const at = list.slice(0, -1).findIndex((one) => one.tone === "done");
    list.splice(Math.max(0, at), 1);
  }
  publish(list);
  timers.set(
    id,
    setTimeout(() => dismiss(id), options.bad || undo ? TOAST_MS : PLAIN_MS),
  );
  return id;
}

/** Forget an entry whose change failed: there is nothing to take back. */
export function forget(id: number) {
  const at = past.findIndex((entry) => entry.id === id);
  if (at >= 0) past.splice(at, 1);
  dismiss(id);
}

function takeBack(id: number) {
  const at = past.findIndex((entry) => entry.id === id);
  if (at < 0) return;
  const [entry] = past.splice(at, 1);
  dismiss(id);
  entry?.undo();
}

/** `z`: the newest change that can be taken back. False when there is none. */
export function undoLast(): boolean {
  const entry = past.at(-1);
  if (!entry) return false;
  takeBack(entry.id);
  return true;
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (run) => {
      watchers.add(run);
      return () => watchers.delete(run);
    },
    () => toasts,
  );
}
