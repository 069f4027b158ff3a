// What the list and the page of a sensor share: its three lamps, its state, its certificate, what it sent by hour.
import type { components } from "#schema";
import type { Sensor } from "../../api/types";
import { count } from "../../app/text";
import { dateOf, momentOf, relative } from "../../app/time";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { useLoose } from "../../parts/history";
import "./sensors.css";

export type Thresholds = components["schemas"]["Thresholds"];
export type Stream = Sensor["roles"][number];
type Which = "connection" | "data" | "clock";
const LAMPS: readonly Which[] = ["connection", "data", "clock"];
const DAY_MS = 86_400_000;
export const EXPIRES_SOON_MS = 7 * DAY_MS; // of 30; a sensor renews its own when 10 are left

const TONE = { starting: "info", ok: "ok", quiet: "warn", silent: "bad", never: "bad", revoked: "plain" } as const;

export function useMinutes() {
  const { t } = useWords();
  return (seconds: number) => (seconds >= 60 ? t("sensor.minutes", { n: Math.round(seconds / 60) }) : t("sensor.seconds", { n: seconds }));
}

export function State({ sensor }: { sensor: Sensor }) {
  const { t, language } = useWords();
  const why = sensor.revoked_at
    ? t("sensor.why.revoked", { at: momentOf(sensor.revoked_at) })
    : sensor.heard_at
      ? t("sensor.why.heard", { at: momentOf(sensor.heard_at), ago: relative(sensor.heard_at, language, Date.now()) })
      : t("sensor.why.never", { at: momentOf(sensor.enrolled_at) });
  return (
    <Tag tone={TONE[sensor.state]} title={why}>
      {t(`sensor.state.${sensor.state}`)}
    </Tag>
  );
}

/** What tells two machines of one name apart: what each sends, else as what it is enrolled. */
export function Kind({ sensor }: { sensor: Sensor }) {
  const loose = useLoose();
  const sends = sensor.roles.filter((part) => part.role && part.role !== sensor.role).map((part) => loose("sensorRole", part.role));
  return (
    <span className="muted row-title">
      {sends.length > 0 ? sends.join(", ") : loose("sensorRole", sensor.role)}
    </span>
  );
}

/** Three shapes, never colour alone: a full circle, a half one, a cross, an empty ring. */
export function Lamps({ sensor, words = false }: { sensor: Sensor; words?: boolean }) {
  const { t } = useWords();
  return (
    <span className={words ? "lamps lamps-words" : "lamps"}>
      {LAMPS.map((which) => {
        const lamp = sensor.lamps[which];
        const said = `${t(`sensor.lamp.${which}`)}: ${t(`sensor.lampIs.${which}.${lamp}`)}`;
        return (
          <span key={which} className={`sensor-lamp sensor-lamp-${lamp}`} title={said}>
            <svg viewBox="0 0 16 16" {...(words ? { "aria-hidden": true } : { role: "img", "aria-label": said })}>
              <circle cx="8" cy="8" r="6" />
              {lamp === "warn" && <path d="M8 2a6 6 0 0 1 0 12z" />}
              {lamp === "bad" && <path className="cross" d="M5 5l6 6M11 5l-6 6" />}
            </svg>
            {words && <span>{said}</span>}
          </span>
        );
      })}
    </span>
  );
}

export function Certificate({ sensor }: { sensor: Sensor }) {
  const { t } = useWords();
  const at = sensor.certificate_expires_at;
  if (!at) return <span className="muted">—</span>;
  const left = Date.parse(at) - Date.now();
  const days = Math.floor(left / DAY_MS);
  const words = left < 0 ? t("sensor.expired") : t("sensor.days", { n: days });
  const title = `${t(left < 0 ? "sensor.expired" : "sensor.expires")} ${momentOf(at)}`;
  if (sensor.revoked_at) return <span className="muted">{dateOf(at)}</span>;
  return left > EXPIRES_SOON_MS ? (
    <span title={title}>{words}</span>
  ) : (
    <Tag tone={left < 0 ? "bad" : "warn"} title={title}>
      {words}
    </Tag>
  );
}

export const hoursOf = (sensor: Sensor) => Array.from({ length: 24 }, (_, hour) => sensor.roles.reduce((sum, part) => sum + (part.hours[hour] ?? 0), 0));

/** Of the last whole hour, per second. */
export function rateOf(hours: readonly number[], language: string): string {
  const rate = (hours[hours.length - 2] ?? 0) / 3600;
  return new Intl.NumberFormat(language === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: rate < 1 ? 2 : 1 }).format(rate);
}

export const lost = (sensor: Sensor) => sensor.roles.reduce((sum, part) => sum + (part.dropped ?? 0) + part.refused, 0);
export const versionOf = (sensor: Sensor) => [...new Set(sensor.roles.map((part) => part.version).filter(Boolean))].join(", ");
export const number = (value: number | null | undefined, language: string) => (value === null || value === undefined ? "—" : count(value, language));
