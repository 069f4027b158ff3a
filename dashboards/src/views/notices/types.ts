// Shapes of notices and duty, from the server's OpenAPI.
import type { components } from "#schema";

type Schemas = components["schemas"];
export type Sending = Schemas["SendingShape"];
export type Sendings = Schemas["Sendings"];
export type Channel = Schemas["ChannelShape"];
export type Channels = Schemas["Channels"];
export type ChannelIn = Schemas["ChannelIn"];
export type RouteRow = Schemas["RouteShape"];
export type RouteIn = Schemas["RouteIn"];
export type Team = Schemas["TeamShape"];
export type Week = Schemas["Week"];
export type Cover = Schemas["CoverShape"];
export type Holidays = Schemas["Holidays"];
export type Mine = Schemas["MineShape"];
export type Duty = Schemas["Duty"];
export type Reach = Schemas["ReachShape"];
export type People = Schemas["People"];

export const LEVELS = ["critical", "high", "medium", "low", "informational"] as const;
export const KINDS = ["alert", "incident", "clock", "service", "sensor", "system", "national"] as const;
export const clock = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
export const minutes = (text: string) => {
  const [hour = 0, minute = 0] = text.split(":").map(Number);
  return hour * 60 + minute;
};
