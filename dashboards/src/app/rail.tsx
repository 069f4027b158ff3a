// The way to every screen. On a desk: a rail in three groups, wide or as icons (remembered). On a phone: one bar above with
// the node's name, one bar below with what is reached by thumb, and a sheet with the rest. Both show what the account may open.
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useLink } from "../api/stream";
import { useWords } from "../i18n";
import { Icon, type IconName, Mark } from "../parts/icons";
import { useMedia } from "./media";
import { href } from "./route";
import { useSession, useSigning } from "./session";
import { THEMES, type Theme, setTheme, useTheme } from "./theme";
import { clockOf, ZONE } from "./time";
import { GROUPS, type Group, type Shown } from "./views";

export type Entry = Shown & { rail: NonNullable<Shown["rail"]> };
type Props = { entries: readonly Entry[]; here: string; home: string; onPalette: () => void; onKeys: () => void };

const Sheet = lazy(async () => ({ default: (await import("./sheet")).Sheet }));
const STORED = "luytre.rail";
const UNDER_THUMB = ["/oncall", "/alerts", "/incidents", "/overview", "/inbox", "/services", "/sensors", "/system", "/inventory"];
const THEME_ICON: Record<Theme, IconName> = { auto: "themeAuto", light: "sun", dark: "moon" };

const current = (path: string, here: string) => (here === path || here.startsWith(`${path}/`) ? "page" : undefined);

function LiveLamp() {
  const { t } = useWords();
  const link = useLink();
  const since = clockOf(new Date(link.since).toISOString());
  return (
    <p className={link.live ? "lamp lamp-live" : "lamp lamp-cut"} role="status" title={`${t("time.zone")} ${ZONE}`}>
      <span className="lamp-dot" aria-hidden="true" />
      <span className="lamp-words">{link.live ? t("live.on") : t("live.off", { since })}</span>
    </p>
  );
}

function Tool({ icon, label, onClick, children, pressed }: { icon?: IconName; label: string; onClick: () => void; children?: ReactNode; pressed?: boolean }) {
  return (
    <button type="button" className="rail-tool" onClick={onClick} aria-label={label} title={label} aria-pressed={pressed}>
      {icon ? <Icon name={icon} /> : children}
    </button>
  );
}

/** Language first: whoever cannot read the page looks for that. */
function Tools({ onKeys, children }: { onKeys?: () => void; children?: ReactNode }) {
  const { t, language } = useWords();
  const signing = useSigning();
  const theme = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  return (
    <div className="rail-tools">
      <Tool label={language === "vi" ? "EN · English" : "VI · Tiếng Việt"} onClick={() => void signing.language(language === "vi" ? "en" : "vi")}>
        {language === "vi" ? "EN" : "VI"}
      </Tool>
      <Tool icon={THEME_ICON[theme]} label={t("frame.theme", { now: t(`frame.themes.${theme}`), next: t(`frame.themes.${next}`) })} onClick={() => setTheme(next)} />
      {onKeys && <Tool icon="key" label={`${t("keys.help")} (?)`} onClick={onKeys} />}
      {children}
      <Tool icon="out" label={t("login.leave")} onClick={() => void signing.out()} />
    </div>
  );
}

function Who({ here, onClick }: { here: string; onClick?: () => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const roles = [...new Set(me.grants.map((grant) => t(`role.${grant.role}` as "role.analyst", { defaultValue: grant.role })))];
  return (
    <p className="rail-user">
      <a href={href("/account")} aria-current={current("/account", here)} title={t("account.title")} {...(onClick ? { onClick } : {})}>
        <strong>{me.user.name}</strong>
      </a>
      <small title={roles.join(", ")}>{roles.join(", ")}</small>
    </p>
  );
}

function Groups({ entries, here, onClick }: Pick<Props, "entries" | "here"> & { onClick?: () => void }) {
  const { t } = useWords();
  const near = (view: Shown) => () => void view.load().catch(() => {});
  return GROUPS.map((group: Group) => {
    const own = entries.filter((view) => view.rail.group === group);
    if (!own.length) return null;
    return (
      <div key={group} className="rail-group">
        <p className="rail-heading" id={`rail-${group}`}>
          {t(`frame.group.${group}`)}
        </p>
        <ul aria-labelledby={`rail-${group}`}>
          {own.map((view) => {
            const title = t(view.title as "nav.alerts");
            return (
              <li key={view.path}>
                <a href={href(view.path)} aria-current={current(view.path, here)} title={`${title} (g ${view.rail.key})`} onPointerEnter={near(view)} onFocus={near(view)} {...(onClick ? { onClick } : {})}>
                  <Icon name={view.rail.icon} />
                  <span>{title}</span>
                  <kbd aria-hidden="true">g {view.rail.key}</kbd>
                </a>
              </li>
            );
          })}
        </ul>
      </div>
    );
  });
}

function readNarrow() {
  try {
    return window.localStorage.getItem(STORED) === "narrow";
  } catch {
    return false;
  }
}

export function Rail({ entries, here, home, onPalette, onKeys }: Props) {
  const { t } = useWords();
  const { me } = useSession();
  const [chosen, setChosen] = useState(readNarrow);
  const small = useMedia("(max-width: 1180px)");
  const narrow = chosen || small;
  const fold = () => {
    setChosen(!narrow);
    try {
      window.localStorage.setItem(STORED, narrow ? "wide" : "narrow");
    } catch {
      // Lasts as long as the page.
    }
  };
  return (
    <nav className={narrow ? "rail rail-narrow" : "rail"} aria-label={t("nav.label")}>
      <a className="rail-brand" href={href(home)} title={me.node.name}>
        <Mark />
        <span>
          <strong>Lũy Tre</strong>
          <small>{me.node.name}</small>
        </span>
      </a>
      <button type="button" className="rail-find" onClick={onPalette} title={`${t("palette.title")} (Ctrl K)`}>
        <Icon name="hunt" />
        <span>{t("palette.open")}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <div className="rail-groups">
        <Groups entries={entries} here={here} />
      </div>
      <div className="rail-foot">
        <LiveLamp />
        <Who here={here} />
        <Tools onKeys={onKeys}>
          {!small && <Tool icon={narrow ? "unfold" : "fold"} label={t(narrow ? "frame.unfold" : "frame.fold")} onClick={fold} pressed={narrow} />}
        </Tools>
      </div>
    </nav>
  );
}

export function TopBar({ title, home, onPalette }: { title: string; home: string; onPalette: () => void }) {
  const { t } = useWords();
  const { me } = useSession();
  return (
    <header className="topbar">
      <a href={href(home)} aria-label={t("nav.home")}>
        <Mark />
      </a>
      <p className="topbar-title">
        <strong>{me.node.exercise ? t("frame.exercise") : title}</strong>
        <small>{me.node.name}</small>
      </p>
      <LiveLamp />
      <button type="button" className="rail-tool" onClick={onPalette} aria-label={t("palette.title")}>
        <Icon name="hunt" />
      </button>
    </header>
  );
}

export function PhoneBar({ entries, here, onKeys }: Props) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  const first = UNDER_THUMB.flatMap((path) => entries.filter((view) => view.path === path)).slice(0, 3);
  const close = () => setOpen(false);
  return (
    <>
      <nav className="rail rail-phone" aria-label={t("nav.label")}>
        <ul>
          {first.map((view) => (
            <li key={view.path}>
              <a href={href(view.path)} aria-current={current(view.path, here)}>
                <Icon name={view.rail.icon} />
                <span>{t(`frame.short.${view.path.slice(1)}` as "frame.short.alerts", { defaultValue: t(view.title as "nav.alerts") })}</span>
              </a>
            </li>
          ))}
          <li>
            <button type="button" aria-expanded={open} aria-haspopup="dialog" onClick={() => setOpen(true)}>
              <Icon name="more" />
              <span>{t("frame.more")}</span>
            </button>
          </li>
        </ul>
      </nav>
      <Suspense fallback={null}>
      {open && (
        <Sheet title={t("frame.all")} onClose={close}>
          <Groups entries={entries} here={here} onClick={close} />
          <div className="sheet-foot">
            <Who here={here} onClick={close} />
            <Tools onKeys={() => (close(), onKeys())} />
          </div>
        </Sheet>
      )}
      </Suspense>
    </>
  );
}
