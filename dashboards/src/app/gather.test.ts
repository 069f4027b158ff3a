import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gather } from "./gather";

const PACE = { soonMs: 500, againMs: 1_500, atOnce: 3 };
let asked: string[][] = [];
const ask = async (ids: string[]) => void asked.push(ids);
const all = () => true;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
});
afterEach(() => vi.useRealTimers());

describe("what changes is gathered", () => {
  it("asks once for all that came in half a second, and for each once", async () => {
    const gathering = gather(ask, all, PACE);
    for (const id of ["a", "b", "a"]) gathering.add(id);
    await vi.advanceTimersByTimeAsync(499);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toEqual([["a", "b"]]);
  });
  it("asks more seldom while they keep coming, and soon again after a quiet time", async () => {
    const gathering = gather(ask, all, PACE);
    for (let ms = 0; ms < 6_000; ms += 100) {
      gathering.add("a");
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(asked).toHaveLength(4); // after 0.5, 2, 3.5 and 5 s
    await vi.advanceTimersByTimeAsync(10_000);
    const before = asked.length;
    gathering.add("b");
    await vi.advanceTimersByTimeAsync(500);
    expect(asked.slice(before)).toEqual([["b"]]);
  });
  it("loses none when there are more than go into one request", async () => {
    const gathering = gather(ask, all, PACE);
    const ids = Array.from({ length: 8 }, (_, n) => `${n}`);
    for (const id of ids) gathering.add(id);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.map((some) => some.length)).toEqual([3, 3, 2]);
    expect(asked.flat()).toEqual(ids);
  });
  it("waits for an answer before it asks again, and goes on after one that failed", async () => {
    let answer = () => {};
    const gathering = gather(
      (ids) => {
        asked.push(ids);
        return new Promise((_, no) => {
          answer = () => no(new Error("away"));
        });
      },
      all,
      PACE,
    );
    gathering.add("a");
    await vi.advanceTimersByTimeAsync(500);
    gathering.add("b");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([["a"]]);
    answer();
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toEqual([["a"], ["b"]]);
  });
  it("does not ask for what is no longer on the screen, nor after it was stopped", async () => {
    const shown = new Set(["a"]);
    const gathering = gather(ask, (id) => shown.has(id), PACE);
    gathering.add("b");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toEqual([]);
    gathering.add("a");
    gathering.stop();
    gathering.add("a");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toEqual([]);
  });
});
