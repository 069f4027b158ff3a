import { describe, expect, it } from "vitest";
import { en, vi } from "./words";

function flat(tree: object, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    const here = path ? `${path}.${key}` : key;
    if (typeof value === "string") found.set(here, value);
    else for (const [inner, text] of flat(value as object, here)) found.set(inner, text);
  }
  return found;
}
const both = { vi: flat(vi), en: flat(en) };
// English has two plural forms, Vietnamese one.
const keys = (language: "vi" | "en") => [...new Set([...both[language].keys()].map((key) => key.replace(/_(one|other)$/, "")))].sort();
const holes = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
const sources = import.meta.glob<string>("../**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" });

const files = import.meta.glob<object>("./*/*.json", { eager: true, import: "default" });

describe("both languages", () => {
  it("have each top-level name in one file", () => {
    for (const language of ["vi", "en"]) {
      const names = Object.entries(files).flatMap(([file, words]) => (file.startsWith(`./${language}/`) ? Object.keys(words) : []));
      expect(names.length).toBe(new Set(names).size);
      expect(names.length).toBe(Object.keys(language === "vi" ? vi : en).length);
    }
  });
  it("have the same keys", () => expect(keys("vi")).toEqual(keys("en")));
  it("leave nothing empty", () => {
    for (const words of Object.values(both)) for (const [key, text] of words) expect(text.trim(), key).not.toBe("");
  });
  it("have the same holes", () => {
    for (const [key, text] of both.en) {
      const other = both.vi.get(key) ?? both.vi.get(key.replace(/_one$/, "_other"));
      expect(holes(other ?? ""), key).toEqual(holes(text));
    }
  });
  it("has every plural form that its language needs", () => {
    for (const key of both.en.keys()) if (key.endsWith("_one")) expect(both.en.has(key.replace(/_one$/, "_other")), key).toBe(true);
  });
});

describe("Vietnamese as officials write it", () => {
  it("is NFC", () => {
    for (const [key, text] of both.vi) expect(text, key).toBe(text.normalize("NFC"));
  });
  it("avoids the words of the glossary's list", () => {
    const banned = /báo động giả|tin tặc|hacker|vi-rút/i;
    for (const [key, text] of both.vi) expect(banned.test(text), `${key}: ${text}`).toBe(false);
  });
  it("is calm", () => {
    for (const words of Object.values(both)) for (const [key, text] of words) expect(text, key).not.toContain("!");
  });
});

describe("the screens", () => {
  it("ask only for words that are there", () => {
    const known = new Set(keys("vi"));
    for (const [file, text] of Object.entries(sources)) {
      if (file.includes(".test.")) continue;
      for (const [, key] of text.matchAll(/(?<![\w.])t\(\s*"([\w.]+)"/g)) expect(known.has(key ?? ""), `${file}: ${key}`).toBe(true);
      for (const [, key] of text.matchAll(/label: "(keys\.\w+)"/g)) expect(known.has(key ?? ""), `${file}: ${key}`).toBe(true);
      for (const [, key] of text.matchAll(/title: "((?:nav|alert|incident|inbox)\.\w+)"/g)) expect(known.has(key ?? ""), `${file}: ${key}`).toBe(true);
    }
  });
  it("say nothing outside the two files", () => {
    // A Vietnamese letter in a source is a sentence that English readers would get; comments may quote.
    const letters = /[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]/i;
    const allowed = /Lũy Tre|Tiếng Việt/g;
    for (const [file, text] of Object.entries(sources)) {
      if (file.includes(".test.")) continue;
      const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "").replace(allowed, "");
      const line = code.split("\n").find((row) => letters.test(row) && !row.includes("replace(/[đĐ]/g"));
      expect(line, file).toBeUndefined();
    }
  });
});
