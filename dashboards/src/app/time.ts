// Official time of Vietnam: UTC+7, no summer time. Shown dd/MM/yyyy HH:mm:ss whatever zone the machine is set to, so
// that two people on one call read the same figures; the zone is written once per screen.
const OFFSET_MS = 7 * 3_600_000;
export const ZONE = "+07:00";

const two = (value: number) => String(value).padStart(2, "0");

function shifted(iso: string): Date | null {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? null : new Date(at + OFFSET_MS);
}

export function dateOf(iso: string): string {
  const at = shifted(iso);
  return at ? `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)}/${at.getUTCFullYear()}` : iso;
}

export function clockOf(iso: string, seconds = true): string {
  const at = shifted(iso);
  if (!at) return iso;
  const text = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  return seconds ? `${text}:${two(at.getUTCSeconds())}` : text;
}

export function momentOf(iso: string): string {
  return shifted(iso) ? `${dateOf(iso)} ${clockOf(iso)}` : iso;
}

/** For narrow columns: "13:18" on the day itself, "22/11 13:18" in its year, otherwise the whole date. */
export function shortOf(iso: string, now: number): string {
  const [at, today] = [shifted(iso), new Date(now + OFFSET_MS)];
  if (!at) return iso;
  const clock = clockOf(iso, false);
  if (at.getUTCFullYear() !== today.getUTCFullYear()) return `${dateOf(iso)} ${clock}`;
  if (at.getUTCMonth() === today.getUTCMonth() && at.getUTCDate() === today.getUTCDate()) return clock;
  return `${two(at.getUTCDate())}/${two(at.getUTCMonth() + 1)} ${clock}`;
}

/** Milliseconds until Vietnam's next midnight. */
export const untilMidnight = (now: number) => 86_400_000 - ((now + OFFSET_MS) % 86_400_000);

export function utcOf(iso: string): string {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? iso : new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function relative(iso: string, language: string, now: number): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(seconds)) return "";
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size || unit === "second") return words.format(Math.trunc(seconds / size), unit);
  }
  return "";
}

/** The moment of a wall-clock in Vietnam, as RFC 3339 UTC. */
export function fromWall(year: number, month: number, day: number, hour: number): string {
  return new Date(Date.UTC(year, month - 1, day, hour) - OFFSET_MS).toISOString();
}

/** Tomorrow at `hour` in Vietnam. */
export function tomorrowAt(hour: number, now: number): string {
  const at = new Date(now + OFFSET_MS + 86_400_000);
  return fromWall(at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), hour);
}
