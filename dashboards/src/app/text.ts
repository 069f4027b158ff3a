// Strings of strangers, made safe to read. Text nodes already keep them from becoming markup; this keeps them from
// lying: bidirectional overrides, zero-width and control characters are shown as what they are.
const LIMIT = 4_000;
// C0/C1 controls (tab and line feed stay), soft hyphen, Arabic letter mark, zero-width and bidi marks, overrides,
// isolates, invisible operators, BOM, interlinear marks, tags: Unicode 16, general categories Cc and Cf.
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u2028-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB]|[\u{E0000}-\u{E0FFF}]/gu;

export type Piece = { text: string; hidden: boolean };

function name(character: string): string {
  return `⟦U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`;
}

/** The string in pieces; a hidden piece carries the visible name of an invisible character. Bounded. */
export function pieces(value: string): Piece[] {
  const text = value.length > LIMIT ? `${value.slice(0, LIMIT)}…` : value;
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index), hidden: false });
    found.push({ text: name(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from), hidden: false });
  return found;
}

export const visible = (value: string) =>
  pieces(value)
    .map((piece) => piece.text)
    .join("");

/** Without diacritics and case, đ as d: "da nang" finds "Đà Nẵng". NFD leaves đ as it is, so it is named. */
export function folded(value: string): string {
  return value
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[đĐ]/g, "d")
    .toLowerCase();
}

const collators = new Map<string, Intl.Collator>();
/** Order of words as a Vietnamese dictionary has it. */
export function inOrder(a: string, b: string): number {
  let collator = collators.get("vi");
  if (!collator) {
    collator = new Intl.Collator("vi", { numeric: true });
    collators.set("vi", collator);
  }
  return collator.compare(a.normalize("NFC"), b.normalize("NFC"));
}

export function count(value: number, language: string): string {
  return new Intl.NumberFormat(language === "vi" ? "vi-VN" : "en-GB").format(value);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];
export function bytes(value: number, language: string): string {
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(language === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: digits }).format(size)} ${UNITS[unit]}`;
}

/** Addresses, names of machines, hashes: set in the face with equal figures. Words of a language are not. */
export const isCode = (value: string) => /^[\x21-\x7e]+$/.test(value);

/** A quoted value for the query language: `field:"value"`. */
export function term(field: string, value: string): string {
  return /^[\w.\-]+$/.test(value) ? `${field}:${value}` : `${field}:"${value.replace(/(["\\])/g, "\\$1")}"`;
}
