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
  return (group: string, key: string) => t(`${group}.${key}` as "act.cancel", { defaultValue: key });
}

export function History({ path, queryKey }: { path: string; queryKey: readonly unknown[] }) {
  const { t } = useWords();
  const loose = useLoose();
  const query = useQuery({
    queryKey: [...queryKey],
    queryFn: ({ signal }) => get<{ items: HistoryEntry[] }>(path, {}, signal),
  });
  const value = (text: string) => (/^[a-z_]+$/.test(text) ? loose("state", text) : text);
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
                    {entry.from && entry.to && entry.from !== entry.to && (
                      <span className="muted">
                        {" "}
                        {value(entry.from)} → {value(entry.to)}
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
