// Alerts of 14 days, a column a day, its parts by level: drawn from the same rows as the table that says them. Shape of
// the level and word stand in the legend; the columns are for the eye, the table for everybody.
import { useState } from "react";
import { count } from "../../app/text";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { LEVELS, Severity } from "../../parts/severity";
import type { TrendDay } from "./types";

const WIDTH = 28;
const BAR = 20;
const HEIGHT = 110;
const UP = [...LEVELS].reverse();

const total = (day: TrendDay) => LEVELS.reduce((sum, level) => sum + day[level], 0);
const short = (day: string) => `${day.slice(8, 10)}/${day.slice(5, 7)}`;

/** 1, 2 or 5 times a power of ten, at or above: what an axis ends with. */
function roof(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function Chart({ days }: { days: readonly TrendDay[] }) {
  const { t, language } = useWords();
  const top = roof(Math.max(4, ...days.map(total)));
  const all = days.reduce((sum, day) => sum + total(day), 0);
  return (
    <svg className="trend" viewBox={`0 0 ${WIDTH * days.length + 44} ${HEIGHT + 24}`} role="img" aria-label={t("overview.trendSaid", { total: count(all, language), days: days.length })}>
      {[0, 0.5, 1].map((part) => (
        <g key={part}>
          <line className="trend-line" x1={40} x2={WIDTH * days.length + 42} y1={HEIGHT - part * (HEIGHT - 8)} y2={HEIGHT - part * (HEIGHT - 8)} />
          <text className="trend-figure" x={34} y={HEIGHT - part * (HEIGHT - 8) + 4} textAnchor="end">
            {count(top * part, language)}
          </text>
        </g>
      ))}
      {days.map((day, index) => {
        let y = HEIGHT;
        return (
          <g key={day.day}>
            <title>{`${short(day.day)}: ${count(total(day), language)}`}</title>
            <rect className="trend-ground" x={42 + index * WIDTH} y={4} width={WIDTH} height={HEIGHT - 4} />
            {UP.map((level) => {
              const height = (day[level] / top) * (HEIGHT - 8);
              y -= height;
              return height ? <rect key={level} className={`trend-bar level-${level}`} x={46 + index * WIDTH} y={y} width={BAR} height={Math.max(height, 1)} /> : null;
            })}
            {(days.length - 1 - index) % 3 === 0 && (
              <text className="trend-figure" x={46 + index * WIDTH + BAR / 2} y={HEIGHT + 18} textAnchor={index === days.length - 1 ? "end" : "middle"} dx={index === days.length - 1 ? BAR / 2 : 0}>
                {short(day.day)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

export function Trend({ days }: { days: readonly TrendDay[] }) {
  const { t, language } = useWords();
  const [table, setTable] = useState(false);
  return (
    <>
      {table ? (
        <div className="trend-table" tabIndex={0} role="region" aria-label={t("overview.trend")}>
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("overview.day")}</th>
                {LEVELS.map((level) => (
                  <th key={level} scope="col" className="end">
                    {t(`level.${level}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {[...days].reverse().map((day) => (
                <tr key={day.day}>
                  <th scope="row" className="figures">
                    {short(day.day)}
                  </th>
                  {LEVELS.map((level) => (
                    <td key={level} className="end figures">
                      {day[level] ? count(day[level], language) : <span className="muted">0</span>}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Chart days={days} />
      )}
      <div className="trend-foot">
        {!table && (
          <ul className="trend-legend">
            {LEVELS.filter((level) => days.some((day) => day[level])).map((level) => (
              <li key={level}>
                <Severity level={level} />
              </li>
            ))}
          </ul>
        )}
        <div className="spread" />
        <ActButton tone="quiet" aria-pressed={table} onClick={() => setTable(!table)}>
          {t(table ? "overview.asChart" : "overview.asTable")}
        </ActButton>
      </div>
    </>
  );
}
