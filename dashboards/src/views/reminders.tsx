// /reminders — at the agency: what the centre above has written, and who here has read it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, post } from "../api/client";
import { useTitle } from "../app/live";
import { useSession } from "../app/session";
import { toast } from "../app/toasts";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { Empty } from "../parts/empty";
import { Ask, useExplain } from "../parts/panel";
import { Text } from "../parts/text";
import { Time } from "../parts/time";
import "./national/national.css";
import type { RemindedShape } from "./national/types";

function Reminders() {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  useTitle(t("national.reminded.title"));
  const query = useQuery({
    queryKey: ["reminders"],
    queryFn: ({ signal }) => get<{ items: RemindedShape[] }>("/reminders", {}, signal),
    refetchInterval: 30_000,
  });
  const read = useMutation({
    mutationFn: (id: string) => post(`/reminders/${encodeURIComponent(id)}/read`),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["reminders"] }),
  });
  return (
    <div className="page page-read">
      <header className="page-head">
        <h1>{t("national.reminded.title")}</h1>
      </header>
      <Ask query={query} rows={4}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty kind="done" title={t("national.reminded.none")}>
              {t("national.reminded.noneWhy")}
            </Empty>
          ) : (
            <ol className="words">
              {items.map((item) => (
                <li key={item.id} className="word">
                  <p className="word-head">
                    <strong>
                      <Text>{item.by}</Text>
                    </strong>
                    <span className="figures">
                      <Text>{item.ref}</Text>
                    </span>
                    <Time at={item.at} />
                    {item.read_at && (
                      <Tag tone="ok">
                        {t("national.reminded.readBy")} · <Text>{item.read_by ?? ""}</Text>
                      </Tag>
                    )}
                  </p>
                  <p className="letter">
                    <Text>{item.text}</Text>
                  </p>
                  {!item.read_at && can("incidents.work") && (
                    <ActButton disabled={read.isPending} onClick={() => read.mutate(item.id)}>
                      {t("national.reminded.read")}
                    </ActButton>
                  )}
                </li>
              ))}
            </ol>
          )
        }
      </Ask>
    </div>
  );
}

export const view: View = { path: "/reminders", title: "national.reminded.title", permission: "incidents.read", Component: Reminders };
