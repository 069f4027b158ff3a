import type { components } from "#schema";

type Schemas = components["schemas"];
export type PersonShort = Schemas["UserShort"];
export type PersonFull = Schemas["UserFull"];
export type GrantRow = Schemas["GrantFull"];
export type Choices = Schemas["Choices"];
export type OneTimeLink = Schemas["LoginLinkShape"];
export type MadePerson = Schemas["MadeUser"];
export type AuditRow = Schemas["Entry"];
export type AuditEntries = Schemas["Entries"];
