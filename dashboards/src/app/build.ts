// A tab from before an upgrade asks for a script that the new build no longer has. In: Vite's word that a script did not
// come. Out: the page anew, but only when the node answers and its page names another build: when the node is away, what
// is on the screen stays, for a reload would put the browser's own error page in its place.
const BETWEEN_MS = 60_000; // a build that is broken itself is not loaded for ever
const KEPT = "luytre.reloaded";

/** The page as the node gives it now; null when the node is away. */
async function page(): Promise<string | null> {
  try {
    const answer = await fetch(window.location.pathname, { cache: "no-store" });
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}

function entry(): string | null {
  return document.querySelector('script[type="module"][src]')?.getAttribute("src") ?? null;
}

async function onLost() {
  const mine = entry();
  if (!mine || Date.now() - Number(window.sessionStorage.getItem(KEPT) ?? 0) < BETWEEN_MS) return;
  const now = await page();
  if (now === null || now.includes(mine)) return;
  window.sessionStorage.setItem(KEPT, String(Date.now()));
  window.location.reload();
}

export function watchBuild() {
  window.addEventListener("vite:preloadError", () => void onLost());
}

/** Load the page anew because somebody asks for it; false when there is nobody to load it from. */
export async function startAnew(): Promise<boolean> {
  if ((await page()) === null) return false;
  window.location.reload();
  return true;
}
