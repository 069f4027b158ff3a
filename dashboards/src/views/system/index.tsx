// /system — is the node itself well: its processes, its store, its delays, what it could not take in, what the doctor found.
// Each panel asks for itself and fails alone.
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useSession } from "../../app/session";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { DataSeen } from "./data";
import { Doctor } from "./doctor";
import { Keeping } from "./keeping";
import { DeadLetters, Deliveries } from "./outside";
import { Processes } from "./processes";

function SystemPage() {
  const { t } = useWords();
  const { can, me } = useSession();
  useTitle(t("nav.system"));
  useKeys({});
  return (
    <div className="page page-wide">
      <header className="page-head page-head-row">
        <h1>{t("nav.system")}</h1>
        <span className="muted">
          {me.node.name} · <span className="figures">{me.node.version}</span>
        </span>
      </header>
      <Doctor />
      <Processes />
      <DataSeen />
      <Keeping />
      {me.node.role === "agency" && can("incidents.read") && <Deliveries />}
      <DeadLetters />
    </div>
  );
}

export const view: View = {
  path: "/system",
  title: "nav.system",
  permission: "system.read",
  Component: SystemPage,
  rail: { group: "care", order: 6, icon: "system", key: "s" },
};
