import type { components } from "#schema";

type Schemas = components["schemas"];
export type Account = Schemas["Account"];
export type NewTotp = Schemas["NewTotp"];
export type Passkey = Schemas["PasskeyShape"];
export type LoginSession = Schemas["SessionShape"];
export type ApiKey = Schemas["KeyShape"];
export type MadeKey = Schemas["MadeKey"];
export type Ways = Schemas["Ways"];
