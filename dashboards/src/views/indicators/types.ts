// Shapes of indicators, from the server's OpenAPI; the sources, which every part of the screen asks for.
import { useQuery } from "@tanstack/react-query";
import type { components } from "#schema";
import { get } from "../../api/client";

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

/** With the names of the kinds, and how many the correlator holds: after a list was taken in, that follows in seconds. */
export const useSources = () =>
  useQuery({ queryKey: ["indicators", "sources"], queryFn: ({ signal }) => get<Sources>("/indicators/sources", {}, signal), refetchInterval: 10_000 });
