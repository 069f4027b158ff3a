// The centre's board: every agency with what it says of its services beside what the centre reaches itself.
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Panel } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import type { Board as Shape, ServiceState } from "./types";
import { percent, VerdictTag } from "./words";

const ORDER = ["down", "unreachable", "unknown", "slow", "up"] as const;

export function Board() {
  const { t, language } = useWords();
  const query = useQuery({
    queryKey: ["services", "board"],
    queryFn: ({ signal }) => get<Shape>("/services/board", {}, signal),
    refetchInterval: 30_000,
  });
  const said = (state: string, none: string) => (state ? t(`services.state.${state as ServiceState}`, { defaultValue: state }) : none);
  return (
    <Ask query={query} rows={8}>
      {(board) =>
        board.items.length === 0 ? (
          <Empty kind="nothing" title={t("services.boardNone")}>
            {t("services.boardNoneWhy")}
          </Empty>
        ) : (
          <div className="board">
            <ul className="board-counts">
              {ORDER.map((verdict) => (
                <li key={verdict}>
                  <VerdictTag verdict={verdict} /> <span className="figures">{board.counts[verdict] ?? 0}</span>
                </li>
              ))}
            </ul>
            {board.items.map((agency) => (
              <Panel
                key={agency.agency}
                title={<Text>{agency.name}</Text>}
                aside={
                  <span className="muted">
                    {agency.silent && <Tag tone="warn">{t("services.silent")}</Tag>} {t("services.column.report")}: <Ago at={agency.reported_at} />
                  </span>
                }
              >
                {agency.services.length === 0 && <p className="muted">{t("services.boardNoServices")}</p>}
                {agency.services.length > 0 && (
                <div className="table-scroll" tabIndex={0} role="region" aria-label={agency.name}>
                  <table className="plain board-table">
                    <thead>
                      <tr>
                        <th scope="col">{t("services.column.state")}</th>
                        <th scope="col">{t("services.column.name")}</th>
                        <th scope="col">{t("services.column.grade")}</th>
                        <th scope="col">{t("services.column.said")}</th>
                        <th scope="col">{t("services.column.reached")}</th>
                        <th scope="col">{t("services.column.availability")}</th>
                        <th scope="col">{t("services.column.since")}</th>
                      </tr>
                    </thead>
                    <tbody>
                      {agency.services.map((service) => (
                        <tr key={service.id}>
                          <td>
                            <VerdictTag verdict={service.verdict} />
                          </td>
                          <td>
                            <Text>{service.name}</Text>
                            {service.system && (
                              <div className="muted">
                                <Text>{service.system}</Text>
                              </div>
                            )}
                          </td>
                          <td className="figures">{service.grade ?? "—"}</td>
                          <td>{agency.silent ? t("services.silent") : said(service.said, t("services.notSaid"))}</td>
                          <td>{said(service.reached, t("services.notAsked"))}</td>
                          <td>
                            {service.availability_30d === null ? (
                              <span className="muted">{t("services.noBase")}</span>
                            ) : (
                              <span className="figures">
                                {percent(service.availability_30d, language)}{" "}
                                <span className="muted">{t("services.baseShort", { lost: service.minutes_lost_30d, watched: service.minutes_watched_30d })}</span>
                              </span>
                            )}
                          </td>
                          <td>
                            <Time at={service.since} short />
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                )}
              </Panel>
            ))}
          </div>
        )
      }
    </Ask>
  );
}
