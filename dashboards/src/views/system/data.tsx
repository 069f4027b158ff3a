// When each kind of data came last, the longest quiet first: a source that has stopped is seen before it is missed.
import { useQuery } from "@tanstack/react-query";
import type { components } from "#schema";
import { get } from "../../api/client";
import { href } from "../../app/route";
import { count } from "../../app/text";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Panel } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Ago } from "../../parts/time";

type Schemas = components["schemas"];

export function DataSeen() {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ["data-seen"], queryFn: ({ signal }) => get<Schemas["AllDataSeen"]>("/system/data", {}, signal), refetchInterval: 60_000 });
  return (
    <Panel title={t("health.dataSeen")} aside={<span className="muted">{t("health.dataSince")}</span>}>
      <Ask query={query}>
        {({ items, more, partial }) =>
          items.length === 0 ? (
            <Empty kind="nothing" title={t("health.noData")}>
              <a href={href("/sensors")}>{t("nav.sensors")}</a>
            </Empty>
          ) : (
            <>
              {partial && (
                <p className="muted">
                  <Text>{partial}</Text>
                </p>
              )}
              <Table>
                <thead>
                  <tr>
                    <th scope="col">{t("health.dataset")}</th>
                    <th scope="col">{t("column.lastData")}</th>
                    <th scope="col" className="end">
                      {t("health.lastDay")}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.dataset}>
                      <td>
                        <Text mono>{item.dataset}</Text>
                      </td>
                      <td>
                        <Ago at={item.last_at} />
                      </td>
                      <td className="end">{item.day ? <span className="figures">{count(item.day, language)}</span> : <Tag tone="warn">0</Tag>}</td>
                    </tr>
                  ))}
                </tbody>
              </Table>
              {more && <p className="muted">{t("health.dataMore", { shown: items.length })}</p>}
            </>
          )
        }
      </Ask>
    </Panel>
  );
}
