// How a clock looks: its state as shape and word, what is left in a box of fixed width, how much of the time has gone.
import { useEffect, useState } from "react";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { Text } from "../../parts/text";
import type { Clock } from "./types";

const TICK_MS = 30_000;
const SOON = 0.8; // of the time gone

/** The time, again every half minute: figures move, boxes do not. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function gone(clock: Clock, now: number): number {
  const [start, due] = [Date.parse(clock.start_at), Date.parse(clock.due_at)];
  return due <= start ? 1 : Math.min(1, Math.max(0, (now - start) / (due - start)));
}

export function useSpan() {
  const { t } = useWords();
  return (ms: number) => {
    const minutes = Math.floor(Math.abs(ms) / 60_000);
    if (minutes === 0) return t("clocks.span.moment");
    const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
    return days ? t("clocks.span.days", { days, hours }) : t("clocks.span.hours", { hours, minutes: minutes % 60 });
  };
}

export type Shown = "running" | "soon" | "overdue" | "met" | "late" | "void";

export function shownState(clock: Clock, now: number): Shown {
  if (clock.state === "void") return "void";
  if (clock.state === "met") return clock.late ? "late" : "met";
  if (Date.parse(clock.due_at) <= now) return "overdue";
  return gone(clock, now) >= SOON ? "soon" : "running";
}

const LOOK = {
  running: ["info", "○"],
  soon: ["warn", "◐"],
  overdue: ["bad", "▲"],
  met: ["ok", "✓"],
  late: ["warn", "✓"],
  void: ["plain", "–"],
} as const;

export function ClockState({ clock, now }: { clock: Clock; now: number }) {
  const { t } = useWords();
  const state = shownState(clock, now);
  const [tone, shape] = LOOK[state];
  return (
    <Tag tone={tone}>
      <span aria-hidden="true">{shape}</span> {t(clock.at_once && state === "overdue" ? "clocks.state.atOnce" : `clocks.state.${state}`)}
    </Tag>
  );
}

export function Countdown({ clock, now }: { clock: Clock; now: number }) {
  const { t } = useWords();
  const span = useSpan();
  const state = shownState(clock, now);
  const left = Date.parse(clock.due_at) - now;
  const text =
    state === "overdue"
      ? t(clock.at_once ? "clocks.since" : "clocks.over", { span: span(left) })
      : state === "running" || state === "soon"
        ? t("clocks.left", { span: span(left) })
        : clock.met_at
          ? t("clocks.took", { span: span(Date.parse(clock.met_at) - Date.parse(clock.start_at)) })
          : "—";
  return <span className={state === "overdue" ? "countdown bad-text" : "countdown"}>{text}</span>;
}

export function Gone({ clock, now }: { clock: Clock; now: number }) {
  const { t } = useWords();
  const share = Math.round(gone(clock, now) * 100);
  const running = clock.state === "running" || clock.state === "overdue";
  return running && !clock.at_once ? <progress className={`gone gone-${shownState(clock, now)}`} max={100} value={share} aria-label={t("clocks.gone", { share })} /> : null;
}

/** Article, source and whether a person has compared it with the text: beside every clock and rule. */
export function Source({ of }: { of: { article: string; source: string; verified_by: string; rule_version?: number; version?: number } }) {
  const { t } = useWords();
  return (
    <span className="clock-source muted">
      <Text>{of.article}</Text> · {t("clocks.version", { version: of.rule_version ?? of.version ?? 1 })} ·{" "}
      {of.verified_by ? (
        <span>
          {t("clocks.verified")} <Text>{of.verified_by}</Text>
        </span>
      ) : (
        <span className="clock-unverified" title={of.source}>
          {t("clocks.unverified")}
        </span>
      )}
    </span>
  );
}
