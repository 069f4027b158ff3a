import { describe, expect, it } from "vitest";
import { type Choice, idOf, rank } from "./found";

const choice = (text: string, kind: Choice["kind"] = "go", also = ""): Choice => ({ id: text, kind, text, also, run: () => {} });
const CHOICES = [choice("Hàng đợi cảnh báo"), choice("Gán tôi", "act"), choice("Săn tìm"), choice("Sở Y tế Đà Nẵng", "agency", "dn-yte")];
const found = (typed: string) => rank(CHOICES, typed).map(({ text }) => text);

describe("the palette", () => {
  it.each(["gan toi", "gán tôi", "GAN", "toi gan", "Gán"])("finds without diacritics: %s", (typed) => expect(found(typed)).toEqual(["Gán tôi"]));
  it("finds an agency by its name or its code", () => {
    expect(found("da nang")).toEqual(["Sở Y tế Đà Nẵng"]);
    expect(found("dn-yte")).toEqual([]); // words, not the code as one: its parts are
    expect(found("dn yte")).toEqual(["Sở Y tế Đà Nẵng"]);
  });
  it("finds nothing inside a word", () => expect(found("ang")).toEqual([]));
  it("shows screens and acts before anything is typed", () => expect(found("")).toEqual(["Hàng đợi cảnh báo", "Gán tôi", "Săn tìm"]));
  it("is bounded", () => expect(rank(Array.from({ length: 5_000 }, (_, n) => choice(`x ${n}`)), "x")).toHaveLength(12));
});

describe("ids as typed", () => {
  it.each(["SC-2026-000012", "sc-2026-12", "sc 2026 12", "SC2026000012", " sc-12 ", "sc12", "SC 12"])("%s", (typed) =>
    expect(idOf(typed, 2026)).toMatchObject({ id: "SC-2026-000012", to: "#/incidents/SC-2026-000012" }),
  );
  it.each(["", "sc", "12", "xx-12", "SC-2026-0000123", "sc-1/../2", "SC-20261-1"])("%s is none", (typed) => expect(idOf(typed, 2026)).toBeNull());
});
