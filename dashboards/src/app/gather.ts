// Many small changes, few requests: ids that change are gathered and asked for together. The first one after a quiet
// time is asked for soon (`soonMs`); while they keep coming, at most every `againMs`, and never before the last answer is
// there, so that a room full of screens asks a busy node less, not more. Bound: `atOnce` ids a request; the rest wait.
type Timer = ReturnType<typeof setTimeout>;
type Pace = { soonMs: number; againMs: number; atOnce: number };
export type Gathering = { add: (id: string) => void; stop: () => void };

/** `wanted` is asked just before: what is no longer on the screen need not be known. */
export function gather(ask: (ids: string[]) => Promise<unknown>, wanted: (id: string) => boolean, pace: Pace, clock: () => number = () => performance.now()): Gathering {
  const waiting = new Set<string>();
  let timer: Timer | undefined;
  let asking = false;
  let stopped = false;
  let asked = -Infinity;

  const plan = () => {
    if (timer || asking || stopped || !waiting.size) return;
    timer = setTimeout(() => void run(), Math.max(pace.soonMs, asked + pace.againMs - clock()));
  };
  const run = async () => {
    timer = undefined;
    const ids: string[] = [];
    for (const id of waiting) {
      if (ids.length === pace.atOnce) break;
      waiting.delete(id);
      if (wanted(id)) ids.push(id);
    }
    if (ids.length) {
      asking = true;
      asked = clock();
      try {
        await ask(ids);
      } catch {
        // Not told to the person: the list's own requests say when the node is away, and the next change asks again.
      }
      asking = false;
    }
    plan();
  };
  return {
    add: (id) => {
      waiting.add(id);
      plan();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
