// Bars of days and of minutes. A beat is told by its height and filling as well as its colour: up is a short solid bar,
// an outage stands to full height, degraded has a gap in the middle, maintenance is hollow, not watched is a tick.
import { useWords } from "../../i18n";
import { count } from "../../app/text";
import type { ServiceDay, ServiceState } from "./types";
import "./services.css";

const STEP = 4;
const WIDTH = 3;
const HEIGHT = 24;
const WORST = [".", "m", "o", "s", "?", "d"];
const STATE_OF: Record<string, ServiceState> = { ".": "unknown", m: "maintenance", o: "up", s: "slow", "?": "suspect", d: "down" };

function Beat({ state, x, label }: { state: ServiceState; x: number; label: string }) {
  const shape = {
    up: `M${x} 24v-15h3v15z`,
    slow: `M${x} 24v-8h3v8zM${x} 13v-6h3v6z`,
    suspect: `M${x} 24v-5h3v5zM${x} 17v-5h3v5zM${x} 10v-5h3v5z`,
    down: `M${x} 24v-24h3v24z`,
    maintenance: `M${x + 0.5} 23.5v-14h2v14z`,
    unknown: `M${x} 24v-3h3v3z`,
  }[state];
  return (
    <path className={`beat beat-${state}`} d={shape}>
      <title>{label}</title>
    </path>
  );
}

export function stateOfDay(day: ServiceDay): ServiceState {
  if (day.down > 0) return "down";
  if (day.slow > 0) return "slow";
  if (day.ok + day.suspect > 0) return "up";
  return day.maintenance > 0 ? "maintenance" : "unknown";
}

const written = (date: string) => date.split("-").reverse().join("/");

export function DayBar({ days, wide = false, last = 90 }: { days: readonly ServiceDay[]; wide?: boolean; last?: number }) {
  const { t, language } = useWords();
  const shown = days.slice(-last);
  const lost = shown.reduce((sum, day) => sum + day.down, 0);
  const bad = shown.filter((day) => day.down > 0).length;
  const empty = Math.max(0, last - shown.length);
  const label = t("services.bar", { days: shown.length, bad, lost: count(lost, language) });
  return (
    <svg className={wide ? "day-bar day-bar-wide" : "day-bar"} viewBox={`0 0 ${last * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {empty > 0 && <path className="beat-before" d={`M0 23.5h${empty * STEP - 1}`} />}
      {shown.map((day, index) => (
        <Beat
          key={day.date}
          state={stateOfDay(day)}
          x={(empty + index) * STEP}
          label={t("services.day", { date: written(day.date), lost: day.down, slow: day.slow, suspect: day.suspect, maintenance: day.maintenance, unknown: day.unknown })}
        />
      ))}
    </svg>
  );
}

const QUARTER = 15;
const clock = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** The day in quarters of an hour; each has the worst of its minutes. */
export function MinuteBar({ marks }: { marks: string }) {
  const { t } = useWords();
  const quarters = Array.from({ length: Math.ceil(marks.length / QUARTER) }, (_, index) => marks.slice(index * QUARTER, (index + 1) * QUARTER));
  const many = (mark: string) => marks.split(mark).length - 1;
  const label = t("services.minutesLabel", { lost: many("d"), slow: many("s"), maintenance: many("m"), unknown: many(".") });
  return (
    <div className="minute-box">
      <svg className="day-bar day-bar-wide" viewBox={`0 0 ${96 * STEP} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {quarters.map((quarter, index) => {
          const worst = [...quarter].reduce((held, mark) => (WORST.indexOf(mark) > WORST.indexOf(held) ? mark : held), ".");
          const state = STATE_OF[worst] ?? "unknown";
          const text = t("services.quarter", { from: clock(index * QUARTER), to: clock(index * QUARTER + quarter.length), state: t(`services.state.${state}`) });
          return <Beat key={index} state={state} x={index * STEP} label={text} />;
        })}
        {marks.length < 1440 && <path className="beat-now" d={`M${(marks.length / QUARTER) * STEP + WIDTH} 0v24`} />}
      </svg>
      <div className="minute-axis figures muted" aria-hidden="true">
        {["00:00", "06:00", "12:00", "18:00", "24:00"].map((text) => (
          <span key={text}>{text}</span>
        ))}
      </div>
      <p className="muted">{label}</p>
    </div>
  );
}

export function Legend() {
  const { t } = useWords();
  return (
    <ul className="beat-legend" aria-hidden="true">
      {(["up", "slow", "suspect", "down", "maintenance", "unknown"] as const).map((state) => (
        <li key={state}>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
            <Beat state={state} x={0} label="" />
          </svg>
          {t(`services.state.${state}`)}
        </li>
      ))}
    </ul>
  );
}
