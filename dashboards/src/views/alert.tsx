// /alerts/:id — an alert as a page of its own: the same body as the pane, and a link to send.
import { useEffect } from "react";
import { useKeys } from "../app/keys";
import { go, href } from "../app/route";
import { useWords } from "../i18n";
import { Ask } from "../parts/panel";
import { AlertBody, AlertHeading, useAlert } from "./alerts/detail";
import { useWorking } from "./alerts/working";
import type { View } from "../app/views";

function AlertPage({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const id = params.id ?? "";
  const query = useAlert(id);
  const work = useWorking();
  const back = () => go(href("/alerts"));
  useKeys({
    ...work.keys(() => (query.data ? [query.data] : [])),
    u: { label: "keys.back", run: back },
    Escape: { run: back },
  });
  useEffect(() => {
    document.querySelector<HTMLElement>("main h1")?.focus();
  }, [query.data?.id]);
  return (
    <div className="page page-wide">
      <p>
        <a href={href("/alerts")}>← {t("nav.alerts")}</a>
      </p>
      <Ask query={query} rows={8}>
        {(alert) => (
          <>
            <header className="page-head">
              <AlertHeading alert={alert} level="h1" />
              {work.buttons([alert])}
            </header>
            <AlertBody alert={alert} />
          </>
        )}
      </Ask>
      {work.dialogs}
    </div>
  );
}

export const view: View = { path: "/alerts/:id", title: "alert.page", permission: "alerts.read", Component: AlertPage };
