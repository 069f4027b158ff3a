// Where we are: the address after `#`. Filters live in its query, so that a view is a link and Back works.
// A hash address never reaches the server's log, which matters for the one-time log-in token.
import { useMemo, useSyncExternalStore } from "react";

export type Route = { path: string; query: URLSearchParams };

export function parse(hash: string): Route {
  const text = hash.replace(/^#/, "") || "/";
  const [path = "/", query = ""] = text.split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

export function href(path: string, query?: Record<string, string | null | undefined> | URLSearchParams): string {
  const words =
    query instanceof URLSearchParams
      ? query
      : new URLSearchParams(Object.entries(query ?? {}).filter((pair): pair is [string, string] => Boolean(pair[1])));
  const text = words.toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

export function go(to: string, replace = false) {
  if (to === window.location.hash) return;
  if (replace) {
    window.history.replaceState(null, "", to);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    window.location.hash = to.slice(1);
  }
}

function subscribe(run: () => void) {
  window.addEventListener("hashchange", run);
  return () => window.removeEventListener("hashchange", run);
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return useMemo(() => parse(hash), [hash]);
}

/** The parameters when `path` has the shape of `pattern` ("/alerts/:id"), else null. */
export function matches(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/");
  const have = path.split("/");
  if (want.length !== have.length) return null;
  const found: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    const value = have[index] ?? "";
    if (part.startsWith(":")) {
      if (!value) return null;
      try {
        found[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return found;
}

/** Reads and writes the filters of this address; an empty value leaves it. Changing a filter replaces, it is no new page. */
export function useFilters(): [URLSearchParams, (change: Record<string, string | null>) => void] {
  const { path, query } = useRoute();
  return useMemo(() => {
    const set = (change: Record<string, string | null>) => {
      const next = new URLSearchParams(parse(window.location.hash).query);
      for (const [key, value] of Object.entries(change)) {
        if (value) next.set(key, value);
        else next.delete(key);
      }
      go(href(path, next), true);
    };
    return [query, set];
  }, [path, query]);
}
