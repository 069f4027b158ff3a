import { expect, it } from "vitest";
import { href, matches, parse } from "./route";

it("round-trips filters through the address", () => {
  const wanted = { q: "đăng nhập & root", level: "high,critical", entity: "source.ip:10.0.0.1" };
  const { path, query } = parse(href("/alerts", wanted));
  expect(path).toBe("/alerts");
  expect(Object.fromEntries(query)).toEqual(wanted);
});

it("leaves out what is empty", () => expect(href("/alerts", { q: "", level: null })).toBe("#/alerts"));

it("reads parameters, and refuses broken escapes", () => {
  expect(matches("/alerts/:id", "/alerts/CB-2026-000001")).toEqual({ id: "CB-2026-000001" });
  expect(matches("/alerts/:id", "/alerts/%E0%A4%A")).toBeNull();
  expect(matches("/alerts", "/alerts/1")).toBeNull();
});
