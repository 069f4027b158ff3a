// What the window is like, followed as it changes. PHONE is where the rail becomes a bar under the thumb.
import { useMemo, useSyncExternalStore } from "react";

export const PHONE = "(max-width: 640px)";

export function useMedia(query: string): boolean {
  const media = useMemo(() => window.matchMedia(query), [query]);
  return useSyncExternalStore(
    (run) => {
      media.addEventListener("change", run);
      return () => media.removeEventListener("change", run);
    },
    () => media.matches,
  );
}
