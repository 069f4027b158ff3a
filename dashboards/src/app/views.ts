// The views that exist: every file or folder of src/views that exports `view`. Nothing else lists them.
import type { ComponentType } from "react";
import type { IconName } from "../parts/icons";

/** What people come for first, then what the agency has, then who runs the node. */
export const GROUPS = ["watch", "estate", "care"] as const;
export type Group = (typeof GROUPS)[number];

export type View = {
  path: string;
  /** Key of the title in i18n. */
  title: string;
  /** null: whoever is signed in. */
  permission: string | null;
  Component: ComponentType<{ params: Record<string, string> }>;
  /** A place in the rail: its group, its order there, its icon and the key after `g`. */
  rail?: { group: Group; order: number; icon: IconName; key: string };
};

const found = import.meta.glob<{ view: View }>(["../views/*.tsx", "../views/*/index.tsx"], { eager: true });
export const views: readonly View[] = Object.values(found)
  .map((module) => module.view)
  .sort((a, b) => place(a) - place(b));

function place({ rail }: View) {
  return rail ? GROUPS.indexOf(rail.group) * 100 + rail.order : 999;
}
