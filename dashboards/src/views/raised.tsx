// /inbox/:id — a raised item as a page of its own.
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { RaisedDetail } from "../api/types";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { go, href } from "../app/route";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { Ask } from "../parts/panel";
import { RaisedBody, RaisedHeading, useAcknowledge } from "./inbox/item";

function RaisedPage({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const id = params.id ?? "";
  const query = useQuery({
    queryKey: ["raised", id],
    queryFn: ({ signal }) => get<RaisedDetail>(`/inbox/${encodeURIComponent(id)}`, {}, signal),
  });
  const acknowledge = useAcknowledge();
  useTitle(query.data?.title ?? t("inbox.page"));
  const back = () => go(href("/inbox"));
  useKeys({
    u: { label: "keys.back", run: back },
    Escape: { run: back },
    ...(acknowledge.may ? { a: { label: "keys.acknowledge", run: () => query.data && acknowledge.ask(query.data, "acknowledge") }, c: { label: "keys.note", run: () => query.data && acknowledge.ask(query.data, "note") } } : {}),
  });
  return (
    <div className="page page-read">
      <p>
        <a href={href("/inbox")}>← {t("nav.inbox")}</a>
      </p>
      <Ask query={query} rows={8}>
        {(raised) => (
          <>
            <header className="page-head">
              <RaisedHeading raised={raised} level="h1" />
              {acknowledge.buttons(raised)}
            </header>
            <RaisedBody raised={raised} />
          </>
        )}
      </Ask>
      {acknowledge.dialog}
    </div>
  );
}

export const view: View = { path: "/inbox/:id", title: "inbox.page", permission: "inbox.read", Component: RaisedPage };
