import { describe, expect, it } from "vitest";
import css from "./tokens.css?raw";

// What the two colour schemes hold, read from the file that the pages use; dark lays its own over light.
const [light = "", dark = ""] = css.split(':root[data-theme="dark"]');
const tokens = (text: string) => new Map([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", value = ""]) => [name, value]));
const LEVELS = ["critical", "high", "medium", "low", "informational"];
const level = (text: string, name: string) => tokens(text.match(new RegExp(`level-${name} \\{[^}]*\\}`))?.[0] ?? "");
const root = (text: string) => tokens(text.replace(/\.level-\w+ \{[^}]*\}/g, ""));
const SCHEMES = { light: { all: root(light), levels: light }, dark: { all: new Map([...root(light), ...root(dark)]), levels: dark } };

/** WCAG 2 relative luminance and contrast. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const PLAIN = ["bg", "surface", "sunken", "hover", "brand-soft", "info-soft", "warn-soft", "bad-soft"];
const TEXT: [string, string[]][] = [
  ["text", PLAIN],
  ["muted", PLAIN],
  ["link", ["bg", "surface", "hover", "sunken"]],
  ["on-brand", ["brand", "brand-strong"]],
  ["ok", ["ok-soft", "surface"]],
  ["warn", ["warn-soft", "surface"]],
  ["bad", ["bad-soft", "surface", "bg", "hover", "info-soft", "brand-soft"]],
  ["info", ["info-soft", "surface"]],
  ["rail-text", ["rail", "rail-active"]],
  ["rail-muted", ["rail", "rail-active"]],
];

describe.each(Object.entries(SCHEMES))("contrast, %s", (_scheme, { all, levels }) => {
  const value = (name: string) => all.get(name) ?? "missing";
  it.each(TEXT.flatMap(([ink, grounds]) => grounds.map((ground) => [ink, ground] as const)))("%s on %s is at least 4.5:1", (ink, ground) => {
    expect(contrast(value(ink), value(ground))).toBeGreaterThanOrEqual(4.5);
  });
  it.each(["bg", "surface", "hover", "sunken", "brand-soft", "info-soft"])("the focus ring on %s is at least 3:1", (ground) => {
    expect(contrast(value("focus"), value(ground))).toBeGreaterThanOrEqual(3);
  });
  it.each(LEVELS)("%s reads in a row in every state, and on its chip", (name) => {
    const own = level(levels, name);
    for (const ground of ["surface", "bg", "hover", "brand-soft", "info-soft"]) expect(contrast(own.get("ink") ?? "", value(ground)), ground).toBeGreaterThanOrEqual(4.5);
    expect(contrast(own.get("on") ?? "", own.get("fill") ?? "")).toBeGreaterThanOrEqual(4.5);
    expect(contrast(own.get("ink") ?? "", value("surface")), "the chip's edge").toBeGreaterThanOrEqual(3);
  });
});
