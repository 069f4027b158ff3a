// The focus is never lost. What had it may go away because of the very act that was done on it (an offer that is
// withdrawn, a row that is closed, a dialog whose opener is gone); a browser then gives the focus to nobody, and whoever
// works by keyboard begins again at the top. Here it goes to the nearest thing that is left: in the place where it was,
// then in the place around that; after a dialog, from where the dialog was opened.
//
// In: the page. Out: focus on an element while the last one that had it has left the page. A click on empty ground is no
// loss: the element is still there. Bound: two lists of ancestors, one look per batch of changes.

const CAN = "a[href], button, input, select, textarea, summary, [tabindex='0'], [data-cursor='true']";
const WAIT_MS = 50; // whoever takes something away often puts the focus itself a frame later, and knows the better place

let inside: Element[] = []; // the element that has the focus and what it lies in, nearest first
let outside: Element[] = []; // the same of what had it before a dialog came over the screen
let called = ""; // by what name, to know it again when it was only drawn anew
let waiting = 0;

function trail(from: Element): Element[] {
  const found: Element[] = [];
  for (let at: Element | null = from; at && at !== document.body; at = at.parentElement) found.push(at);
  return found;
}

function open(node: Element): node is HTMLElement {
  return (
    node instanceof HTMLElement &&
    node.matches(CAN) &&
    (node.tabIndex >= 0 || node.dataset.cursor === "true") &&
    node.getAttribute("aria-disabled") !== "true" &&
    !node.closest("[inert], [aria-hidden='true'], .toasts") &&
    node.checkVisibility()
  );
}

function nameOf(node: Element): string {
  return `${node.tagName} ${node.getAttribute("type") ?? ""} ${node.getAttribute("aria-label") || node.textContent?.trim() || ""}`;
}

function nearest(trails: readonly (readonly Element[])[]): HTMLElement | null {
  const main = document.getElementById("main");
  // A field that takes the focus brings up the keyboard of a telephone.
  if (window.matchMedia("(pointer: coarse)").matches) return main;
  for (const places of trails) {
    for (const place of places) {
      if (!place.isConnected) continue;
      if (place !== main && place.contains(main)) break;
      const able = [place, ...place.querySelectorAll(CAN)].filter(open);
      const found = able.find((node) => nameOf(node) === called) ?? able.find((node) => node.dataset.cursor === "true") ?? able[0];
      if (found) return found;
    }
  }
  return main;
}

function look() {
  waiting = 0;
  const last = inside[0];
  if (!last || last.isConnected || (document.activeElement && document.activeElement !== document.body)) return;
  nearest([inside, outside])?.focus({ preventScroll: true });
}

function onFocus({ target }: FocusEvent) {
  if (!(target instanceof Element) || target === document.body) return;
  if (!target.closest("[role='dialog']")) outside = [];
  else if (inside[0] && !inside[0].closest("[role='dialog']")) outside = inside;
  inside = trail(target);
  called = nameOf(target);
}

/** From the search box down into the list, to the row under the cursor. False where the screen has no list. */
export function toList(): boolean {
  const row = document.querySelector<HTMLElement>("#main [role='grid'] [data-cursor='true']");
  row?.focus();
  return row !== null;
}

/** Watches as long as the page lives. */
export function keepFocus() {
  document.addEventListener("focusin", onFocus);
  new MutationObserver(() => {
    if (!waiting && inside[0] && !inside[0].isConnected) waiting = window.setTimeout(look, WAIT_MS);
  }).observe(document.body, { childList: true, subtree: true });
}
