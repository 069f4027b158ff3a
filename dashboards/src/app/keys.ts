// The keys of the whole screen. Bound to the physical key (event.code), because Telex and VNI turn aa, dd, w into
// letters; while a syllable is being composed nothing fires. The newest layer (a dialog) hides those below it.
// Single-character keys can be switched off (WCAG 2.1.4); Escape, Enter and arrows then still work.
import { useEffect, useLayoutEffect, useRef, useSyncExternalStore } from "react";
import { toList } from "./focus";

export type Binding = { run: (event: KeyboardEvent) => void; label?: string; hidden?: boolean };
export type Bindings = Record<string, Binding>;

const NAMED: Record<string, string> = {
  BracketLeft: "[",
  BracketRight: "]",
  Period: ".",
  Slash: "/",
  Escape: "Escape",
  Enter: "Enter",
  NumpadEnter: "Enter",
  ArrowDown: "ArrowDown",
  ArrowUp: "ArrowUp",
  Home: "Home",
  End: "End",
};
const LEADERS = new Set(["g", "*"]);
const LEADER_MS = 1_200;
const STORED = "luytre.keys";

type Layer = { bindings: { current: Bindings }; modal: boolean };
const layers: Layer[] = [];
const watchers = new Set<() => void>();
let leader = "";
let leaderAt = 0;
let enabled = readEnabled();

function readEnabled() {
  try {
    return window.localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}

export function setKeysEnabled(on: boolean) {
  enabled = on;
  try {
    window.localStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    // Private windows may refuse storage; the choice then lasts as long as the page.
  }
  for (const run of watchers) run();
}

export function useKeysEnabled(): boolean {
  return useSyncExternalStore(
    (run) => {
      watchers.add(run);
      return () => watchers.delete(run);
    },
    () => enabled,
  );
}

/** The name of the physical key, with Shift: "j", "Shift+j", "?", "*", "[", "3". Empty when it is none of ours. */
export function nameOf(event: Pick<KeyboardEvent, "code" | "shiftKey">): string {
  const { code, shiftKey } = event;
  let name = NAMED[code] ?? "";
  if (!name && code.startsWith("Key")) name = code.slice(3).toLowerCase();
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(code)?.[1];
  if (digit) name = digit;
  if (!shiftKey || !name) return code === "NumpadMultiply" ? "*" : name;
  if (name === "/") return "?";
  if (name === "8") return "*";
  return `Shift+${name}`;
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit"].includes(target.type);
  return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName);
}

function interactive(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, summary") !== null;
}

export function onKeyDown(event: KeyboardEvent) {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const name = nameOf(event);
  if (!name) return;
  // Out of a search box: down into what it found.
  if ((name === "Escape" || name === "ArrowDown") && event.target instanceof HTMLInputElement && event.target.matches("#main input[type=search]")) {
    event.preventDefault(); // Escape would also empty the box
    if (!toList() && name === "Escape") document.getElementById("main")?.focus();
    return;
  }
  if (typing(event.target) && name !== "Escape") return;
  if (event.target instanceof HTMLElement && event.target.closest("[role=menu]")) return;
  // Enter on a focused button or link presses it: that is its own meaning.
  if (name === "Enter" && interactive(event.target)) return;
  if (!enabled && name.replace("Shift+", "").length === 1) return;
  const now = event.timeStamp;
  const combo = leader && now - leaderAt < LEADER_MS ? `${leader} ${name}` : name;
  leader = "";
  for (const layer of [...layers].reverse()) {
    const found = layer.bindings.current[combo];
    if (found) {
      event.preventDefault();
      found.run(event);
      return;
    }
    if (layer.modal) return;
  }
  if (LEADERS.has(name)) {
    leader = name;
    leaderAt = now;
  }
}

export function useKeys(bindings: Bindings, options: { modal?: boolean; enabled?: boolean } = {}) {
  const latest = useRef(bindings);
  useLayoutEffect(() => {
    latest.current = bindings;
  });
  const { modal = false, enabled: on = true } = options;
  useEffect(() => {
    if (!on) return;
    const layer = { bindings: latest, modal };
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, [modal, on]);
}

/** What can be pressed now, for the `?` table and the palette, nearest layer first. */
export function activeKeys(): { combo: string; label: string; run: Binding["run"] }[] {
  const found = new Map<string, { label: string; run: Binding["run"] }>();
  for (const layer of [...layers].reverse()) {
    if (layer.modal) continue;
    for (const [combo, { label, hidden, run }] of Object.entries(layer.bindings.current)) {
      if (label && !hidden && !found.has(combo)) found.set(combo, { label, run });
    }
  }
  return [...found].map(([combo, one]) => ({ combo, ...one }));
}
