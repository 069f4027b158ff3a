// Which colours: as the machine says, or one of the two. Applied by public/theme.js, before the first paint.
import { useSyncExternalStore } from "react";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const STORED = "luytre.theme";
let current = read();

function read(): Theme {
  try {
    const stored = window.localStorage.getItem(STORED);
    return stored === "light" || stored === "dark" ? stored : "auto";
  } catch {
    return "auto";
  }
}

export function setTheme(theme: Theme) {
  current = theme;
  try {
    if (theme === "auto") window.localStorage.removeItem(STORED);
    else window.localStorage.setItem(STORED, theme);
  } catch {
    // Without storage the choice cannot be kept: the machine's stays.
  }
  window.dispatchEvent(new Event("luytre-theme"));
}

function subscribe(run: () => void) {
  const again = () => {
    current = read();
    run();
  };
  window.addEventListener("luytre-theme", again);
  window.addEventListener("storage", again);
  return () => {
    window.removeEventListener("luytre-theme", again);
    window.removeEventListener("storage", again);
  };
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, () => current);
