// The views that exist: every file or folder of src/views that exports `view`. Nothing else lists them.
import type { ComponentType } from "react";
import type { IconName } from "../parts/icons";

export type View = {
  path: string;
  /** Key of the title in i18n. */
  title: string;
  /** null: whoever is signed in. */
  permission: string | null;
  Component: ComponentType<{ params: Record<string, string> }>;
  /** A place in the rail: its order, its icon and the key after `g`. */
  rail?: { order: number; icon: IconName; key: string };
};

const found = import.meta.glob<{ view: View }>(["../views/*.tsx", "../views/*/index.tsx"], { eager: true });
export const views: readonly View[] = Object.values(found)
  .map((module) => module.view)
  .sort((a, b) => (a.rail?.order ?? 99) - (b.rail?.order ?? 99));
