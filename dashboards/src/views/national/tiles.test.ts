import { describe, expect, it } from "vitest";
import { neighbour, TILES } from "./map";

const of = (unit: string) => {
  const found = TILES.find((tile) => tile.unit === unit);
  if (!found) throw new Error(unit);
  return found;
};

describe("the tile map", () => {
  it("has 34 provinces and cities and both islands", () => {
    expect(TILES.filter((tile) => !tile.of)).toHaveLength(34);
    expect(TILES.filter((tile) => tile.of).map((tile) => [tile.unit, tile.of])).toEqual([
      ["hoang-sa", "da-nang"],
      ["truong-sa", "khanh-hoa"],
    ]);
  });
  it("gives each a place of its own", () => {
    const taken = TILES.flatMap((tile) => Array.from({ length: tile.span ?? 1 }, (_, step) => `${tile.row}/${tile.column + step}`));
    expect(new Set(taken).size).toBe(taken.length);
    expect(new Set(TILES.map((tile) => tile.unit)).size).toBe(36);
    expect(new Set(TILES.map((tile) => tile.short)).size).toBe(36);
  });
  it("puts the islands into the sea, east of everything, Hoang Sa north of Truong Sa", () => {
    const land = Math.max(...TILES.filter((tile) => !tile.of).map((tile) => tile.column));
    for (const island of TILES.filter((tile) => tile.of)) expect(island.column).toBeGreaterThan(land + 1);
    expect(of("hoang-sa").row).toBeLessThan(of("truong-sa").row);
    expect(Math.abs(of("hoang-sa").row - of("da-nang").row)).toBeLessThanOrEqual(1);
    expect(of("truong-sa").row).toBeGreaterThan(of("khanh-hoa").row);
  });
  it("keeps north and south, east and west", () => {
    const north = ["tuyen-quang", "ha-noi", "thanh-hoa", "nghe-an", "ha-tinh", "quang-tri", "hue", "da-nang", "quang-ngai", "gia-lai", "dak-lak", "khanh-hoa", "ho-chi-minh", "ca-mau"];
    expect(north.map((unit) => of(unit).row)).toEqual([...north.map((unit) => of(unit).row)].sort((a, b) => a - b));
    for (const [west, east] of [["dien-bien", "son-la"], ["ha-noi", "bac-ninh"], ["lam-dong", "khanh-hoa"], ["an-giang", "dong-thap"], ["lai-chau", "cao-bang"]] as const)
      expect(of(west).column).toBeLessThan(of(east).column);
  });
  it("can be walked with the arrows, to the islands and back", () => {
    const reached = new Set(["ha-noi"]);
    const waiting = ["ha-noi"];
    for (let unit = waiting.pop(); unit; unit = waiting.pop())
      for (const key of ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]) {
        const next = neighbour(of(unit), key).unit;
        if (!reached.has(next)) {
          reached.add(next);
          waiting.push(next);
        }
      }
    expect(reached.size).toBe(36);
    expect(neighbour(of("hoang-sa"), "ArrowLeft").unit).not.toBe("hoang-sa");
  });
});
