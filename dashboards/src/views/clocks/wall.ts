// Vietnam's official time in a datetime-local field, whatever the machine is set to: UTC+7, no summer time since 1975.
const OFFSET_MS = 7 * 3_600_000;

/** "2026-11-22T16:05" for the field. */
export const wall = (at: number) => new Date(at + OFFSET_MS).toISOString().slice(0, 16);

/** What the field says, as an instant; null while it is not whole. */
export function moment(text: string): string | null {
  const at = Date.parse(`${text}:00Z`);
  return Number.isNaN(at) ? null : new Date(at - OFFSET_MS).toISOString();
}
