import { expect, it } from "vitest";
import { momentOf, relative, shortOf, tomorrowAt, untilMidnight, utcOf } from "./time";

it("shows official time, whatever the machine's zone", () => {
  expect(momentOf("2026-11-22T17:08:30.123Z")).toBe("23/11/2026 00:08:30");
  expect(utcOf("2026-11-22T17:08:30.123Z")).toBe("2026-11-22T17:08:30Z");
});

it("shows what is no time as it came", () => {
  expect(momentOf("hôm qua")).toBe("hôm qua");
});

it("knows tomorrow morning in Vietnam", () => {
  // 23:30 in Hanoi on 22/11 is 16:30 UTC; tomorrow 08:00 is 23/11 01:00 UTC.
  expect(tomorrowAt(8, Date.parse("2026-11-22T16:30:00Z"))).toBe("2026-11-23T01:00:00.000Z");
});

it("says how long ago in words", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  expect(relative("2026-11-22T09:55:00Z", "vi", now)).toBe("5 phút trước");
  expect(relative("2026-11-20T10:00:00Z", "en", now)).toBe("2 days ago");
});

it("is short where the rest is plain", () => {
  const now = Date.parse("2026-11-22T16:30:00Z"); // 23:30 in Hanoi
  expect(shortOf("2026-11-22T06:18:20Z", now)).toBe("13:18");
  expect(shortOf("2026-11-21T16:59:00Z", now)).toBe("21/11 23:59");
  expect(shortOf("2026-11-22T17:00:00Z", now)).toBe("23/11 00:00");
  expect(shortOf("2025-11-22T06:18:20Z", now)).toBe("22/11/2025 13:18");
  expect(untilMidnight(now)).toBe(30 * 60_000);
});
