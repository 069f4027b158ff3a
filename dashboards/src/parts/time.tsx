import { useSyncExternalStore } from "react";
import { dateOf, momentOf, relative, shortOf, untilMidnight, utcOf, ZONE } from "../app/time";
import { useWords } from "../i18n";

// A clock without its date must not outlive its day: short times are drawn again at midnight.
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
function tick() {
  timer = setTimeout(() => {
    for (const run of watchers) run();
    tick();
  }, untilMidnight(Date.now()) + 50);
}
function watch(run: () => void) {
  watchers.add(run);
  if (!timer) tick();
  return () => {
    watchers.delete(run);
    if (watchers.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
  };
}
const today = () => dateOf(new Date().toISOString());

/** dd/MM/yyyy HH:mm:ss in official time; UTC and how long ago on hover. `short` leaves out what today makes plain. */
export function Time({ at, since = false, short = false }: { at: string | null | undefined; since?: boolean; short?: boolean }) {
  const { language } = useWords();
  useSyncExternalStore(watch, today);
  if (!at) return <span className="muted">—</span>;
  const now = Date.now();
  const ago = relative(at, language, now);
  return (
    <time className="figures" dateTime={at} title={`${momentOf(at)} ${ZONE} · ${utcOf(at)} · ${ago}`}>
      {short ? shortOf(at, now) : momentOf(at)}
      {since && <span className="muted ago"> · {ago}</span>}
    </time>
  );
}

export function Ago({ at }: { at: string | null | undefined }) {
  const { language } = useWords();
  if (!at) return <span className="muted">—</span>;
  return (
    <time className="words-only" dateTime={at} title={`${momentOf(at)} ${ZONE} · ${utcOf(at)}`}>
      {relative(at, language, Date.now())}
    </time>
  );
}
