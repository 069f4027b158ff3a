import { describe, expect, it } from "vitest";
import { nameOf } from "./keys";

const CODES = [
  ..."ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("").map((letter) => `Key${letter}`),
  ..."0123456789".split("").flatMap((digit) => [`Digit${digit}`, `Numpad${digit}`]),
  ..."BracketLeft BracketRight Period Slash Escape Enter NumpadEnter NumpadMultiply ArrowDown ArrowUp Home End".split(" "),
];
const SOURCES = import.meta.glob<string>("../**/*.tsx", { query: "?raw", import: "default", eager: true });
const BOUND = /(?:"([^"\n]+)"|(\b\w+)): \{[^{}\n]*\brun: /g;

describe("the physical key decides", () => {
  it.each([
    ["KeyJ", false, "j"],
    ["KeyJ", true, "Shift+j"],
    ["KeyA", true, "Shift+a"],
    ["Slash", false, "/"],
    ["Slash", true, "?"],
    ["Digit8", true, "*"],
    ["Digit3", false, "3"],
    ["Numpad3", false, "3"],
    ["BracketLeft", false, "["],
    ["NumpadEnter", false, "Enter"],
    ["F5", false, ""],
  ])("%s shift=%s is %s", (code, shiftKey, name) => expect(nameOf({ code, shiftKey })).toBe(name));
});

it("every key that a screen binds is one that a keyboard can name", () => {
  const names = new Set(CODES.flatMap((code) => [false, true].map((shiftKey) => nameOf({ code, shiftKey }))));
  const bound = Object.entries(SOURCES).flatMap(([file, text]) => [...text.matchAll(BOUND)].map(([, quoted, bare = ""]) => [file, quoted ?? bare] as const));
  expect(bound.length).toBeGreaterThan(20);
  expect(bound.filter(([, combo]) => !combo.split(" ").every((part) => names.has(part)))).toEqual([]);
});
