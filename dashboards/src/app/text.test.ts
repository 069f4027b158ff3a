import { describe, expect, it } from "vitest";
import { bytes, folded, inOrder, pieces, term, visible } from "./text";

describe("strings of strangers", () => {
  it("names what cannot be seen", () => {
    expect(visible("a\u202Egpj.exe\u200B")).toBe("a⟦U+202E⟧gpj.exe⟦U+200B⟧");
    expect(visible("\u0000\u0007\u001b[31m")).toBe("⟦U+0000⟧⟦U+0007⟧⟦U+001B⟧[31m");
    expect(visible("x\u{E0041}y")).toBe("x⟦U+E0041⟧y");
  });
  it("leaves Vietnamese, tabs and lines as they are", () => {
    expect(visible("Đặng Thị Hoà\tẴẨ\n")).toBe("Đặng Thị Hoà\tẴẨ\n");
  });
  it("is bounded", () => {
    expect(pieces("\u200B".repeat(100_000)).length).toBeLessThan(5_000);
  });
});

describe("Vietnamese", () => {
  it("is found without diacritics", () => {
    for (const name of ["Đà Nẵng", "ĐÀ NẴNG", "da nang", "Đà Nẵng".normalize("NFD")]) expect(folded(name)).toBe("da nang");
  });
  it("is sorted as a dictionary does", () => {
    const names = ["Đà Nẵng", "Dak Lak", "Củ Chi", "Cần Thơ", "Cao Bằng", "Cà Mau", "Âu", "Ấn", "Ăn", "An"];
    expect(names.sort(inOrder)).toEqual(["An", "Ăn", "Ấn", "Âu", "Cà Mau", "Cao Bằng", "Cần Thơ", "Củ Chi", "Dak Lak", "Đà Nẵng"]);
  });
});

describe("figures and terms", () => {
  it("speaks the reader's language", () => {
    expect(bytes(1_234_567, "vi")).toBe("1,2 MB");
    expect(bytes(1_234_567, "en")).toBe("1.2 MB");
  });
  it("quotes a value that is more than a word", () => {
    expect(term("source.ip", "10.0.0.1")).toBe("source.ip:10.0.0.1");
    expect(term("user.name", 'Trần "Văn" A')).toBe('user.name:"Trần \\"Văn\\" A"');
  });
});
