import type { components } from "#schema";

type Schemas = components["schemas"];
export type ServiceShort = Schemas["ServiceShort"];
export type ServiceFull = Schemas["Service"];
export type ServicePage = Schemas["Services"];
export type ServiceState = ServiceShort["state"];
export type ServiceDay = Schemas["DayShape"];
export type Outage = Schemas["OutageShape"];
export type Window = Schemas["WindowShape"];
export type Board = Schemas["Board"];
export type BoardService = Schemas["BoardService"];
export type Verdict = BoardService["verdict"];
