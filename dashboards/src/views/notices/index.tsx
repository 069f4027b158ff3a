// /notices — what went where, over which channels, by which routes, and who is on duty.
import { useTitle } from "../../app/live";
import { useFilters } from "../../app/route";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import "./notices.css";
import { Channels } from "./channels";
import { Deliveries } from "./deliveries";
import { Roster } from "./roster";
import { Routes } from "./routes";

const TABS = { deliveries: Deliveries, channels: Channels, routes: Routes, roster: Roster } as const;
type Tab = keyof typeof TABS;

function Notices() {
  const { t } = useWords();
  const [filters, setFilters] = useFilters();
  const asked = filters.get("tab") ?? "deliveries";
  const tab: Tab = asked in TABS ? (asked as Tab) : "deliveries";
  const Body = TABS[tab];
  useTitle(t("notices.title"));
  return (
    <div className="page page-list notices">
      <header className="page-head page-head-row">
        <h1>{t("notices.title")}</h1>
        <div className="tabs" role="group" aria-label={t("notices.title")}>
          {(Object.keys(TABS) as Tab[]).map((name) => (
            <button key={name} type="button" aria-pressed={tab === name} onClick={() => setFilters({ tab: name === "deliveries" ? null : name })}>
              {t(`notices.tabs.${name}`)}
            </button>
          ))}
        </div>
      </header>
      <Body />
    </div>
  );
}

export const view: View = {
  path: "/notices",
  title: "notices.title",
  permission: "notices.read",
  Component: Notices,
  rail: { group: "care", order: 2, icon: "notice", key: "m" },
};
