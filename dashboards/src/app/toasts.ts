// What just happened, and the way back: each change leaves a toast for 10 s and an entry that `z` takes back.
import { useSyncExternalStore } from "react";

export const TOAST_MS = 10_000;
const UNDO_LIMIT = 50;
const SHOWN_LIMIT = 4;

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
  publish([...toasts, shown].slice(-SHOWN_LIMIT));
  timers.set(
    id,
    setTimeout(() => dismiss(id), TOAST_MS),
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
