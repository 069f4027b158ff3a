import { expect, test } from "vitest";
import { textOf } from "./read";

const TEXT = "Chỉ dấu,Ghi chú\n45.66.77.88,máy chủ điều khiển";
const units = [...TEXT].map((letter) => letter.charCodeAt(0));
const file = (...bytes: number[]) => new Uint8Array(bytes).buffer;

test("a file is read in the encodings that Windows writes, without its mark", () => {
  const utf8 = [...new TextEncoder().encode(TEXT)];
  expect(textOf(file(...utf8))).toBe(TEXT);
  expect(textOf(file(0xef, 0xbb, 0xbf, ...utf8))).toBe(TEXT);
  expect(textOf(file(0xff, 0xfe, ...units.flatMap((unit) => [unit & 255, unit >> 8])))).toBe(TEXT);
  expect(textOf(file(0xfe, 0xff, ...units.flatMap((unit) => [unit >> 8, unit & 255])))).toBe(TEXT);
});

test("any bytes are some text", () => {
  expect(textOf(file())).toBe("");
  expect(textOf(file(0xff))).toBe("\ufffd");
  expect(textOf(file(0x50, 0x4b, 3, 4, 0, 0xff))).toContain("PK");
});
