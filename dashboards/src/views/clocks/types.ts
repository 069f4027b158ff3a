// Shapes of this view, from the server's own OpenAPI.
import type { components } from "#schema";

type Schemas = components["schemas"];
export type Clock = Schemas["ClockShape"];
export type ClockList = Schemas["ClockList"];
export type IncidentClocks = Schemas["IncidentClocks"];
export type ClockRule = Schemas["ClockRuleShape"];
export type ClockRules = Schemas["ClockRules"];
export type Paper = Schemas["DocumentShape"];
export type CasePapers = Schemas["CasePapers"];
export type Forms = Schemas["Forms"];
export type Organisation = Schemas["OrganisationShape"];

export const FLAGS = ["serious", "harm", "interrupted", "personal_data", "complex"] as const;
export type Flag = (typeof FLAGS)[number];
