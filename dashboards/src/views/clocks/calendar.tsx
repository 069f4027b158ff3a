// Reports by the calendar: when the next is due, for which period, and the report itself from this node's figures.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, post } from "../../api/client";
import type { Page } from "../../api/types";
import { useAgencyName } from "../../app/names";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Panel, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { ClockState, Countdown, Gone, Source, useNow } from "./countdown";
import { Papers } from "./papers";
import type { ClockList, Paper } from "./types";

export function Calendar() {
  const { t, pick } = useWords();
  const { can } = useSession();
  const now = useNow();
  const agencyName = useAgencyName();
  const explain = useExplain();
  const client = useQueryClient();
  const clocks = useQuery({ queryKey: ["clocks", "calendar"], queryFn: ({ signal }) => get<ClockList>("/clocks", { kind: "calendar", state: "all", limit: 100 }, signal) });
  const papers = useQuery({ queryKey: ["papers", "yearly"], queryFn: ({ signal }) => get<Page<Paper>>("/yearly-documents", {}, signal) });
  const make = useMutation({
    mutationFn: (body: { agency: string; year: number }) => post<Paper>("/yearly-documents", body),
    onSuccess: (paper) => toast(t("clocks.papers.made", { id: paper.id })),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["papers"] }),
  });
  return (
    <div className="columns clock-scroll" role="region" aria-label={t("clocks.tab.calendar")} tabIndex={0}>
      <Panel title={t("clocks.calendar.title")}>
        <Ask query={clocks} rows={3}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty kind="nothing" title={t("clocks.calendar.none")} />
            ) : (
              <ul className="clock-list">
                {items.map((clock) => (
                  <li key={clock.id}>
                    <p className="clock-head">
                      <ClockState clock={clock} now={now} /> <Countdown clock={clock} now={now} />
                    </p>
                    <p>
                      <Text>{pick(clock.text)}</Text>
                    </p>
                    <Gone clock={clock} now={now} />
                    <p>
                      {t("clocks.calendar.period", { period: clock.period ?? "" })} · <Text>{agencyName(clock.agency)}</Text> · {t("clocks.due")} <Time at={clock.due_at} />
                    </p>
                    <p>
                      <Source of={clock} />
                    </p>
                    {can("incidents.work") && clock.form_id === "yearly" && (
                      <p className="acts">
                        <ActButton disabled={make.isPending} onClick={() => make.mutate({ agency: clock.agency, year: Number(clock.period) })}>
                          {t("clocks.papers.make")}
                        </ActButton>
                      </p>
                    )}
                  </li>
                ))}
              </ul>
            )
          }
        </Ask>
      </Panel>
      <Panel title={t("clocks.papers.title")}>
        <Ask query={papers} rows={2}>
          {({ items }) => <Papers papers={items} clocks={clocks.data?.items ?? []} />}
        </Ask>
      </Panel>
    </div>
  );
}
