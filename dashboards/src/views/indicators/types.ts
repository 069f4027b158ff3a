// Shapes of indicators, from the server's OpenAPI.
import type { components } from "#schema";

type Schemas = components["schemas"];
export type Indicator = Schemas["Indicator"];
export type IndicatorPage = Schemas["Listed_Indicator_"];
export type Source = Schemas["Source"];
export type Sources = Schemas["Sources"];
export type Preview = Schemas["Preview"];
export type PlanLine = Schemas["PlanLine"];
export type Sweep = Schemas["Hunt"];
export type Sweeps = Schemas["Hunts"];
export const STATES = ["new", "known", "elsewhere", "asked", "refused", "wrong", "ended", "passed"] as const;
export const TLPS = ["clear", "green", "amber", "amber+strict", "red"] as const;
