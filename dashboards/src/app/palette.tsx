// Ctrl+K: every screen, every act that can be done now, every agency, and ids as they are typed. "gan toi" finds it too.
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent as ReactKey, useMemo, useState } from "react";
import { get } from "../api/client";
import { useWords } from "../i18n";
import { Dialog } from "../parts/dialog";
import { type Choice, idOf, rank } from "./found";
import { activeKeys } from "./keys";
import type { Entry } from "./rail";
import { go, href } from "./route";
import { useSession } from "./session";
import { inOrder } from "./text";
import { setTheme, THEMES } from "./theme";

type Agencies = { agencies: { agency: string | null; name: string }[] };

function useChoices(entries: readonly Entry[]): Choice[] {
  const { t } = useWords();
  const { me, can } = useSession();
  const [acts] = useState(() => activeKeys().filter(({ combo }) => !combo.startsWith("g ")));
  const nation = useQuery({ queryKey: ["national", "names"], queryFn: ({ signal }) => get<Agencies>("/national", {}, signal), enabled: can("national.read"), staleTime: 300_000 });
  return useMemo(() => {
    const screens: Choice[] = entries.map((view) => ({ id: `go ${view.path}`, kind: "go", text: t(view.title as "nav.alerts"), hint: `g ${view.rail.key}`, also: view.path, run: () => go(href(view.path)) }));
    const own: Choice = { id: "go account", kind: "go", text: t("account.title"), run: () => go(href("/account")) };
    const here: Choice[] = acts.map(({ combo, label, run }) => ({ id: `act ${combo}`, kind: "act", text: t(label as "keys.title"), hint: combo.replace("Shift+", "⇧ "), run: () => run(new KeyboardEvent("keydown")) }));
    const themes: Choice[] = THEMES.map((theme) => ({ id: `theme ${theme}`, kind: "act", text: t("palette.theme", { theme: t(`frame.themes.${theme}`) }), run: () => setTheme(theme) }));
    const granted = me.grants.flatMap(({ agency, agency_name }) => (agency ? [{ agency, name: agency_name ?? agency }] : []));
    const named = new Map([...granted, { agency: me.node.agency, name: me.node.name }, ...(nation.data?.agencies ?? [])].flatMap(({ agency, name }) => (agency ? [[agency, name] as const] : [])));
    const agencies: Choice[] = [...named]
      .sort((a, b) => inOrder(a[1], b[1]))
      .flatMap(([code, name]) => {
        if (can("national.read")) return [{ id: `agency ${code}`, kind: "agency" as const, text: name, hint: code, also: code, run: () => go(href(`/national/${encodeURIComponent(code)}`)) }];
        return can("alerts.read") ? [{ id: `agency ${code}`, kind: "agency" as const, text: t("palette.agency", { name }), hint: code, also: code, run: () => go(href("/alerts", { agency: code })) }] : [];
      });
    return [...screens, own, ...here, ...themes, ...agencies];
  }, [entries, acts, nation.data, t, can, me]);
}

export function Palette({ entries, onClose }: { entries: readonly Entry[]; onClose: () => void }) {
  const { t } = useWords();
  const { can } = useSession();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const choices = useChoices(entries);
  const shown = useMemo(() => {
    const found = rank(choices, typed);
    const id = idOf(typed, new Date().getFullYear());
    if (id && can(id.permission)) found.unshift({ id: "id", kind: "id", text: t("palette.id", { id: id.id }), run: () => go(id.to) });
    const text = typed.trim();
    if (text.length > 1 && !id) {
      if (can("alerts.read")) found.push({ id: "search alerts", kind: "search", text: t("palette.inAlerts", { text }), run: () => go(href("/alerts", { q: text })) });
      if (can("events.read")) found.push({ id: "search events", kind: "search", text: t("palette.inEvents", { text }), run: () => go(href("/hunt", { q: text })) });
    }
    return found;
  }, [choices, typed, can, t]);
  const chosen = Math.min(at, shown.length - 1);
  const take = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    setTimeout(choice.run, 0); // after the dialog has given the focus back: what the act opens takes it from there
  };
  const onKey = (event: ReactKey) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown") setAt((chosen + 1) % Math.max(1, shown.length));
    else if (event.key === "ArrowUp") setAt((chosen - 1 + shown.length) % Math.max(1, shown.length));
    else if (event.key === "Enter") take(shown[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("palette.title")} onClose={onClose} wide>
      <input
        className="palette-input"
        autoFocus
        role="combobox"
        aria-label={t("palette.what")}
        aria-expanded="true"
        aria-controls="palette-list"
        aria-autocomplete="list"
        aria-activedescendant={shown.length ? `palette-${chosen}` : undefined}
        placeholder={t("palette.what")}
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        value={typed}
        onChange={(event) => (setTyped(event.target.value), setAt(0))}
        onKeyDown={onKey}
      />
      <ul id="palette-list" className="palette" role="listbox" aria-label={t("palette.title")}>
        {shown.map((choice, index) => (
          <li
            key={choice.id}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            ref={(node) => {
              if (index === chosen) node?.scrollIntoView({ block: "nearest" });
            }}
            onPointerMove={() => index !== chosen && setAt(index)}
            onClick={() => take(choice)}
          >
            <span className="palette-kind">{t(`palette.kind.${choice.kind}`)}</span>
            <span className="palette-text">{choice.text}</span>
            {choice.hint && <kbd aria-hidden="true">{choice.hint}</kbd>}
          </li>
        ))}
      </ul>
      {!shown.length && (
        <p className="muted" role="status">
          {t("palette.none")}
        </p>
      )}
    </Dialog>
  );
}
