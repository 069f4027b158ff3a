// Shapes of the register of units, from the server's OpenAPI.
import type { components } from "#schema";

type Schemas = components["schemas"];
export type UnitWhole = Schemas["UnitWhole"];
export type EventShape = Schemas["EventShape"];
export type ChangeIn = Schemas["ChangeIn"];
export type Act = ChangeIn["act"];

export const ACTS: readonly Act[] = ["renamed", "merged", "split", "moved", "changed_kind", "created", "ended"];
export const KINDS = ["ministry", "ministry_rank", "city", "province", "special_zone", "ward", "commune", "department", "other"] as const;
export type Kind = (typeof KINDS)[number];
