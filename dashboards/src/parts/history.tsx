// Who did what and when; machine acts too.
import { useQuery } from "@tanstack/react-query";
import { get } from "../api/client";
import type { HistoryEntry } from "../api/types";
import { useWords } from "../i18n";
import { Empty } from "./empty";
import { Ask, Panel } from "./panel";
import { Text } from "./text";
import { Time } from "./time";

/** A word the server may add later is shown as it is, never as a missing key. */
export function useLoose() {
  const { t } = useWords();
  return (group: string, key: string, otherwise = key) => t(`${group}.${key}` as "act.cancel", { defaultValue: otherwise });
}

export function History({ path, queryKey }: { path: string; queryKey: readonly unknown[] }) {
  const { t } = useWords();
  const loose = useLoose();
  const query = useQuery({
    queryKey: [...queryKey],
    queryFn: ({ signal }) => get<{ items: HistoryEntry[] }>(path, {}, signal),
  });
  // Only what reads as a state is shown; identifiers and times of the change stay in the audit log.
  const stateOf = (change: HistoryEntry["from"]) => {
    const found = change?.disposition ?? change?.status ?? change?.state;
    return typeof found === "string" ? loose("state", found) : null;
  };
  return (
    <Panel title={t("history.title")}>
      <Ask query={query} rows={2}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty kind="nothing" title={t("history.none")} />
          ) : (
            <ol className="history">
              {items.map((entry, index) => (
                <li key={index}>
                  <Time at={entry.at} />
                  <span>
                    <strong>{entry.actor.id === null ? t("history.machine") : <Text>{entry.actor.name}</Text>}</strong>{" "}
                    {loose("history", entry.act)}
                    {stateOf(entry.from ?? null) && stateOf(entry.to ?? null) && (
                      <span className="muted">
                        {" "}
                        {stateOf(entry.from ?? null)} → {stateOf(entry.to ?? null)}
                      </span>
                    )}
                    {entry.note && (
                      <span className="history-note">
                        <Text>{entry.note}</Text>
                      </span>
                    )}
                  </span>
                </li>
              ))}
            </ol>
          )
        }
      </Ask>
    </Panel>
  );
}
