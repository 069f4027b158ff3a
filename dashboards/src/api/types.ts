// The people's port as this dashboard reads it. Shapes come from the server's own OpenAPI (`npm run types`), so that a
// drift is a type error; only the names used here are given.
import type { components } from "#schema";

type Schemas = components["schemas"];

export type Both = { vi?: string; en?: string };
export type Level = Schemas["Alert"]["level"];
export type Page<T> = { items: T[]; next?: string | null; total: number };

export type Problem = {
  type?: string;
  title: string;
  status: number;
  detail?: string | null;
  code?: string;
  instance?: string;
  errors?: { field: string; message: string }[];
};

export type Public = Schemas["Public"];
export type Me = Schemas["Me"];
export type Alert = Schemas["Alert"];
export type AlertStatus = Alert["status"];
export type Disposition = NonNullable<Alert["disposition"]>;
export type AlertDetail = Schemas["AlertFull"];
export type AlertPage = Schemas["AlertList"];
export type EcsEvent = Record<string, unknown>;
export type AlertEvents = Schemas["EventList"];
export type EventPage = Schemas["EventsFound"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type Delivery = Schemas["Delivery"];
export type Word = Schemas["Word"];
export type Incident = Schemas["Incident"];
export type IncidentShort = Schemas["IncidentShort"];
export type Person = Schemas["Person"];
export type IncidentState = Incident["state"];
export type Indicator = Schemas["IndicatorShape"];
export type Sensor = Schemas["Sensor"];
export type SensorRole = Schemas["StreamShape"];
export type Token = Schemas["Token"];
export type Rules = Schemas["Rules"];
export type Rule = Schemas["Rule"];
export type DeadLetter = Schemas["DeadLetter"];
export type System = Schemas["System"];
export type AuditPage = Schemas["Entries"];
export type ExceptionProposal = Schemas["Proposal"];
export type ExceptionPreview = Schemas["PreviewShape"];
export type RuleException = Schemas["ExceptionShape"];
export type ExceptionPage = Schemas["ExceptionList"];

export type StreamEvent = {
  type: "alert" | "incident" | "clock" | "raised" | "delivery" | "sensor" | "system" | "inventory" | "service" | "national" | "notice";
  id: string;
  revision: number;
  agency: string;
  kind: "created" | "changed";
};

// National
export type Raised = Schemas["RaisedShort"];
export type RaisedDetail = Schemas["RaisedFull"];
export type InboxPage = Schemas["Inbox"];
export type Shared = Schemas["SharedShape"];
export type DeliveryPage = Schemas["DeliveryList"];
