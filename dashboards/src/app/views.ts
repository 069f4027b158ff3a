// The views that exist: every file or folder of src/views that exports `view`. Nothing else lists them. What a view says
// of itself is here at once (view_meta.ts); its code comes when it is opened, or when a finger or pointer nears its link.
import { type ComponentType, lazy } from "react";
import type { IconName } from "../parts/icons";
import { matches, parse } from "./route";

/** What people come for first, then what the agency has, then who runs the node. */
export const GROUPS = ["watch", "estate", "care"] as const;
export type Group = (typeof GROUPS)[number];

type Params = { params: Record<string, string> };
export type View = {
  path: string;
  /** Key of the title in i18n. */
  title: string;
  /** null: whoever is signed in. */
  permission: string | null;
  Component: ComponentType<Params>;
  /** A place in the rail: its group, its order there, its icon and the key after `g`. */
  rail?: { group: Group; order: number; icon: IconName; key: string };
};
export type Shown = View & { load: () => Promise<unknown> };

const metas = import.meta.glob<Omit<View, "Component">>(["../views/*.tsx", "../views/*/index.tsx"], { eager: true, query: "?meta", import: "meta" });
const codes = import.meta.glob<{ view: View }>(["../views/*.tsx", "../views/*/index.tsx"]);

export const views: readonly Shown[] = Object.entries(metas)
  .map(([file, meta]) => {
    const code = codes[file];
    if (!code) throw new Error(`no code for ${file}`);
    const load = async () => ({ default: (await code()).view.Component });
    return { ...meta, load, Component: lazy(load) };
  })
  .sort((a, b) => place(a) - place(b));

function place({ rail }: Pick<View, "rail">) {
  return rail ? GROUPS.indexOf(rail.group) * 100 + rail.order : 999;
}

export function viewAt(path: string): { view: Shown; params: Record<string, string> } | null {
  for (const view of views) {
    const params = matches(view.path, path);
    if (params) return { view, params };
  }
  return null;
}

/** Ask for the code of the screen that the address names, before it is known who is here. A failure is told when it is shown. */
export function preload(hash: string) {
  const { path } = parse(hash);
  viewAt(path === "/" ? "/overview" : path)?.view.load().catch(() => {});
}
