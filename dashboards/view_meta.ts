// A view's own words about itself (path, title, permission, rail), without its code: `x.tsx?meta` is the object that the
// file exports as `view`, less its Component. So one file still is the whole screen, and its script comes when it is opened.
// In: `export const view: View = { … };` written as literals. Anything else stops the build, here.
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

export function metaOf(source: string, file: string): string {
  const found = /^export const view: View = (\{.*?\});\s*$/ms.exec(source);
  if (!found?.[1]) throw new Error(`${file}: no \`export const view: View = { … };\``);
  const literal = found[1].replace(/\bComponent: \w+,?\s*/, "");
  const bare = literal.replace(/"[^"\n]*"/g, "").replace(/\b(?:path|title|permission|rail|group|order|icon|key|null|true|false)\b/g, "");
  if (/[A-Za-z_$(`]/.test(bare)) throw new Error(`${file}: \`view\` holds more than literals: ${bare.trim()}`);
  return literal;
}

export const viewMeta = (): Plugin => ({
  name: "view-meta",
  enforce: "pre",
  load(id) {
    const [file, query] = id.split("?", 2);
    if (query !== "meta" || !file) return null;
    this.addWatchFile(file);
    return { code: `export const meta = ${metaOf(readFileSync(file, "utf8"), file)};`, moduleType: "js" };
  },
});
