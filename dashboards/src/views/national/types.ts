// Shapes of the national view, from the server's OpenAPI.
import type { components } from "#schema";

type Schemas = components["schemas"];
export type National = Schemas["National"];
export type AgencyRow = Schemas["AgencyRow"];
export type AgencyState = AgencyRow["state"];
export type Cell = Schemas["Cell"];
export type TileShape = Schemas["Tile"];
export type AgencyWhole = Schemas["AgencyWhole"];
export type Draft = Schemas["Draft"];
export type About = Draft["about"];
export type ReminderShape = Schemas["ReminderShape"];
export type RemindedShape = Schemas["RemindedShape"];
