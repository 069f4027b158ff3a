// The frame around every view: the rail, the exercise banner, the toasts, the table of keys, and which view is shown.
import { useEffect, useMemo, useState } from "react";
import { useLink } from "../api/stream";
import { useWords } from "../i18n";
import { ActButton } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { Icon, Mark } from "../parts/icons";
import { activeKeys, setKeysEnabled, useKeys, useKeysEnabled } from "./keys";
import { useLive } from "./live";
import { go, href, matches, useRoute } from "./route";
import { useSession, useSigning } from "./session";
import { clockOf, ZONE } from "./time";
import { dismiss, toast, undoLast, useToasts } from "./toasts";
import { GROUPS, views } from "./views";

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

function KeyTable({ onClose }: { onClose: () => void }) {
  const { t } = useWords();
  const on = useKeysEnabled();
  const [keys] = useState(activeKeys);
  return (
    <Dialog title={t("keys.title")} onClose={onClose} wide>
      <dl className="keys">
        {keys.map(({ combo, label }) => (
          <div key={combo}>
            <dt>
              {combo.split(" ").map((part) => (
                <kbd key={part}>{part.replace("Shift+", "⇧ ")}</kbd>
              ))}
            </dt>
            <dd>{t(label as "keys.title")}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={on} onChange={(event) => setKeysEnabled(event.target.checked)} /> {t("keys.enabled")}
      </label>
      <p className="muted">{t("keys.telex")}</p>
    </Dialog>
  );
}

function LiveLamp() {
  const { t } = useWords();
  const link = useLink();
  const since = clockOf(new Date(link.since).toISOString());
  return (
    <p className={link.live ? "lamp lamp-live" : "lamp lamp-cut"} role="status">
      <span className="lamp-dot" aria-hidden="true" />
      {link.live ? t("live.on") : t("live.off", { since })}
    </p>
  );
}

export function Shell() {
  const { t, language } = useWords();
  const { me, can } = useSession();
  const signing = useSigning();
  const { path } = useRoute();
  const [help, setHelp] = useState(false);
  useLive();
  // Already signed in: a one-time link is not spent, but its token does not stay in the address.
  useEffect(() => {
    if (path === "/login") go("#/", true);
  }, [path]);
  const allowed = useMemo(() => views.filter((view) => view.permission === null || can(view.permission)), [can]);
  const rail = allowed.flatMap((view) => (view.rail ? [{ ...view, rail: view.rail }] : []));
  const home = rail[0]?.path ?? "/alerts";
  const here = path === "/" || path === "/login" ? home : path;
  const found = views.map((view) => ({ view, params: matches(view.path, here) })).find((match) => match.params !== null);
  const jumps = Object.fromEntries(rail.map((view) => [`g ${view.rail.key}`, { label: view.title, run: () => go(href(view.path)) }]));
  useKeys({
    ...jumps,
    z: {
      label: "keys.undo",
      run: () => {
        if (!undoLast()) toast(t("act.nothingToUndo"));
      },
    },
    "?": { label: "keys.help", run: () => setHelp(true) },
  });
  return (
    <div className={me.node.exercise ? "shell shell-exercise" : "shell"}>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        {t("nav.skip")}
      </a>
      {me.node.exercise && (
        <p className="exercise" role="note">
          {t("exercise.banner")}
        </p>
      )}
      <nav className="rail" aria-label={t("nav.label")}>
        <a className="rail-brand" href={href(home)}>
          <Mark />
          <span>
            <strong>Lũy Tre</strong>
            <small>{me.node.name}</small>
          </span>
        </a>
        <div className="rail-groups">
          {GROUPS.map((group) => (
            <ul key={group}>
              {rail
                .filter((view) => view.rail.group === group)
                .map((view) => (
                  <li key={view.path}>
                    <a
                      href={href(view.path)}
                      aria-current={here === view.path || here.startsWith(`${view.path}/`) ? "page" : undefined}
                      title={`${t(view.title as "nav.alerts")} (g ${view.rail.key})`}
                    >
                      <Icon name={view.rail.icon} />
                      <span>{t(view.title as "nav.alerts")}</span>
                      <kbd aria-hidden="true">g {view.rail.key}</kbd>
                    </a>
                  </li>
                ))}
            </ul>
          ))}
        </div>
        <div className="rail-foot">
          <LiveLamp />
          <p className="rail-user">
            <a href={href("/account")} aria-current={here === "/account" ? "page" : undefined} title={t("account.title")}>
              <strong>{me.user.name}</strong>
            </a>
            <small>
              {me.grants.map((grant) => t(`role.${grant.role}` as "role.analyst", { defaultValue: grant.role })).join(", ")}
            </small>
          </p>
          <div className="rail-tools">
            <button type="button" className="rail-tool" onClick={() => void signing.language(language === "vi" ? "en" : "vi")} title={language === "vi" ? "English" : "Tiếng Việt"}>
              {language === "vi" ? "EN" : "VI"}
            </button>
            <button type="button" className="rail-tool" onClick={() => setHelp(true)} aria-label={t("keys.help")} title={`${t("keys.help")} (?)`}>
              <Icon name="key" />
            </button>
            <button type="button" className="rail-tool" onClick={() => void signing.out()} aria-label={t("login.leave")} title={t("login.leave")}>
              <Icon name="out" />
            </button>
          </div>
          <p className="rail-zone muted figures">
            {t("time.zone")} {ZONE}
          </p>
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        {!found ? (
          <Empty kind="filtered" title={t("nav.unknown")} action={<ActButton onClick={() => go(href(home))}>{t("nav.home")}</ActButton>} />
        ) : found.view.permission !== null && !can(found.view.permission) ? (
          <Empty kind="forbidden" title={t("nav.forbidden")}>
            {t("nav.forbiddenWhy")}
          </Empty>
        ) : (
          <found.view.Component key={found.view.path + Object.values(found.params ?? {}).join("/")} params={found.params ?? {}} />
        )}
      </main>
      <Toasts />
      {help && <KeyTable onClose={() => setHelp(false)} />}
    </div>
  );
}
