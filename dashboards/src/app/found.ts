// What the palette finds, as pure functions: words without diacritics in any order, and ids as people type them.
import { folded } from "./text";

export type Choice = { id: string; kind: "go" | "act" | "id" | "agency" | "search"; text: string; hint?: string; also?: string; run: () => void };

const MOST = 12;
/** The series of ids that have a page of their own (api/casework/ids.py); NN and BN are never typed. */
const PAGES: Record<string, [permission: string, (id: string) => string]> = {
  CB: ["alerts.read", (id) => `#/alerts/${id}`],
  SC: ["incidents.read", (id) => `#/incidents/${id}`],
  TN: ["inbox.read", (id) => `#/inbox/${id}`],
  DV: ["services.read", (id) => `#/services/${id}`],
  HT: ["inventory.read", (id) => `#/inventory?open=${id}`],
  TS: ["inventory.read", (id) => `#/inventory?tab=assets&open=${id}`],
};

/** "sc-2026-12", "SC 12", "sc2026000012" → SC-2026-000012; a number alone is of this year. */
export function idOf(typed: string, year: number): { id: string; permission: string; to: string } | null {
  const found = /^([a-z]{2})[\s-]*(?:(20\d\d)[\s-]+)?(\d{1,6})$|^([a-z]{2})[\s-]*(20\d\d)(\d{6})$/.exec(folded(typed.trim()));
  if (!found) return null;
  const page = PAGES[(found[1] ?? found[4] ?? "").toUpperCase()];
  if (!page) return null;
  const id = `${(found[1] ?? found[4] ?? "").toUpperCase()}-${found[2] ?? found[5] ?? year}-${(found[3] ?? found[6] ?? "").padStart(6, "0")}`;
  return { id, permission: page[0], to: page[1](id) };
}

/** Each typed word begins a word of the choice; whole beginnings first, then the order they came in. */
export function rank(choices: readonly Choice[], typed: string): Choice[] {
  const wanted = folded(typed).split(/\s+/).filter(Boolean);
  if (!wanted.length) return choices.filter(({ kind }) => kind !== "agency").slice(0, MOST);
  const scored = choices.flatMap((choice, index) => {
    const text = folded(choice.text);
    const words = `${text} ${folded(choice.also ?? "")}`.split(/[^\p{L}\p{N}]+/u);
    if (!wanted.every((part) => words.some((word) => word.startsWith(part)))) return [];
    return [{ choice, score: (text.startsWith(wanted.join(" ")) && choice.kind !== "agency" ? 0 : 10_000) + index }];
  });
  return scored
    .sort((a, b) => a.score - b.score)
    .slice(0, MOST)
    .map(({ choice }) => choice);
}
