// Shapes of the inventory, from the server's OpenAPI.
import type { components } from "#schema";

type Schemas = components["schemas"];
export type SystemRow = Schemas["SystemShape"];
export type SystemPage = Schemas["SystemList"];
export type SystemFull = Schemas["SystemFull"];
export type Asset = Schemas["AssetShape"];
export type AssetPage = Schemas["AssetList"];
export type Binding = Schemas["BindingShape"];
export type Plan = Schemas["ImportPlan"];
export type Kind = Schemas["KindShape"];

export const lines = (text: string) => text.split(/[\s,;]+/).filter(Boolean);
