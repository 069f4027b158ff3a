import type { components } from "#schema";

type Schemas = components["schemas"];
export type Overview = Schemas["Overview"];
export type AlertsNow = Schemas["AlertsNow"];
export type TrendDay = Schemas["TrendDay"];
export type IncidentsNow = Schemas["IncidentsNow"];
export type ServicesNow = Schemas["ServicesNow"];
export type SensorsNow = Schemas["SensorsNow"];
export type RaisedNow = Schemas["RaisedNow"];
export type BackupNow = Schemas["BackupNow"];
export type DutyNow = Schemas["DutyNow"];
export type Step = Schemas["StartStep"];
