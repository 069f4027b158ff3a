// The frame around every view: the rail, the exercise banner, the toasts, the table of keys, and which view is shown.
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useWords } from "../i18n";
import { ActButton } from "../parts/button";
import { Empty } from "../parts/empty";
import { Icon } from "../parts/icons";
import { Boundary, Loading } from "../parts/panel";
import { startAnew } from "./build";
import { Ending } from "./ending";
import { useKeys } from "./keys";
import { useLive } from "./live";
import { PHONE, useMedia } from "./media";
import { usePaletteKey } from "./palette_key";
import { PhoneBar, Rail, TopBar } from "./rail";
import { go, href, useRoute } from "./route";
import { useSession } from "./session";
import { dismiss, toast, undoLast, useToasts } from "./toasts";
import { viewAt, views } from "./views";

// What lies over the screen needs the dialog's script (27 kB): fetched once the screen stands, so that it opens without a
// network too.
const overlays = { palette: () => import("./palette"), keys: () => import("./key_table") };
const Palette = lazy(async () => ({ default: (await overlays.palette()).Palette }));
const KeyTable = lazy(async () => ({ default: (await overlays.keys()).KeyTable }));
const QUIET_MS = 2_500;

function Toasts() {
  const { t } = useWords();
  const toasts = useToasts();
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((shown) => (
        <div key={shown.id} className={`toast toast-${shown.tone}`}>
          <span>{shown.text}</span>
          {shown.undo && (
            <button type="button" className="button-quiet" onClick={shown.undo}>
              {t("act.undo")} <kbd aria-hidden="true">z</kbd>
            </button>
          )}
          <button type="button" className="button-quiet" aria-label={t("act.hide")} onClick={() => dismiss(shown.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

function Forbidden({ home }: { home: string }) {
  const { t } = useWords();
  const { me } = useSession();
  const roles = [...new Set(me.grants.map((grant) => t(`role.${grant.role}` as "role.analyst", { defaultValue: grant.role })))];
  return (
    <Empty kind="forbidden" title={t("nav.forbidden")} action={<ActButton onClick={() => go(href(home))}>{t("nav.home")}</ActButton>}>
      {roles.length ? t("frame.yourRoles", { roles: roles.join(", ") }) : t("frame.noRoles", { name: me.user.username })} {t("nav.forbiddenWhy")}
    </Empty>
  );
}

export function Shell() {
  const { t } = useWords();
  const { me, can } = useSession();
  const { path } = useRoute();
  const phone = useMedia(PHONE);
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  useLive();
  // Only with its script at hand: one that does not come must not take the screen below along.
  const open = useCallback(
    (what: keyof typeof overlays, show: (open: boolean) => void) => void overlays[what]().then(() => show(true), () => toast(t("frame.noScript"), { bad: true })),
    [t],
  );
  const onPalette = useCallback(() => open("palette", setPalette), [open]);
  const onKeys = useCallback(() => open("keys", setHelp), [open]);
  const again = () => void startAnew().then((done) => done || toast(t("error.unreachable"), { bad: true }));
  usePaletteKey(onPalette);
  useEffect(() => {
    const timer = setTimeout(() => void Promise.all([overlays.palette(), overlays.keys()]).catch(() => {}), QUIET_MS);
    return () => clearTimeout(timer);
  }, []);
  // Already signed in: a one-time link is not spent, but its token does not stay in the address.
  useEffect(() => {
    if (path === "/login") go("#/", true);
  }, [path]);
  // A screen that came in place of what had the focus (log-in, another screen) takes it: the next Tab begins there.
  useEffect(() => {
    if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
  }, [path]);
  const entries = useMemo(
    () => views.flatMap((view) => (view.rail && (view.permission === null || can(view.permission)) ? [{ ...view, rail: view.rail }] : [])),
    [can],
  );
  const home = entries[0]?.path ?? "/account";
  const here = path === "/" || path === "/login" ? home : path;
  const found = viewAt(here);
  const jumps = Object.fromEntries(entries.map((view) => [`g ${view.rail.key}`, { label: view.title, run: () => go(href(view.path)) }]));
  useKeys({
    ...jumps,
    z: {
      label: "keys.undo",
      run: () => {
        if (!undoLast()) toast(t("act.nothingToUndo"));
      },
    },
    "?": { label: "keys.help", run: onKeys },
  });
  const rail = { entries, here, home, onPalette, onKeys };
  const title = found ? t(found.view.title as "nav.alerts") : t("nav.unknown");
  return (
    <div className={`shell${me.node.exercise ? " shell-exercise" : ""}${phone ? " shell-phone" : ""}`}>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        {t("nav.skip")}
      </a>
      {me.node.exercise && (
        <aside className="exercise">
          {t("exercise.banner")}
        </aside>
      )}
      {phone ? <TopBar title={title} home={home} onPalette={rail.onPalette} /> : <Rail {...rail} />}
      <main id="main" tabIndex={-1}>
        <Ending />
        {!found ? (
          <Empty kind="filtered" title={t("nav.unknown")} action={<ActButton onClick={() => go(href(home))}>{t("nav.home")}</ActButton>} />
        ) : found.view.permission !== null && !can(found.view.permission) ? (
          <Forbidden home={home} />
        ) : (
          <Boundary
            key={found.view.path + Object.values(found.params).join("/")}
            fallback={() => (
              <div className="trouble" role="alert">
                <p>{t("frame.noScript")}</p>
                <ActButton onClick={again}>{t("error.retry")}</ActButton>
              </div>
            )}
          >
            <Suspense fallback={<Loading rows={8} />}>
              <found.view.Component params={found.params} />
            </Suspense>
          </Boundary>
        )}
      </main>
      {phone && <PhoneBar {...rail} />}
      <Toasts />
      <Suspense fallback={null}>
        {help && <KeyTable onClose={() => setHelp(false)} />}
        {palette && <Palette entries={entries} onClose={() => setPalette(false)} />}
      </Suspense>
    </div>
  );
}
