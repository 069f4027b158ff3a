// The sources of indicators: what each says, since when; ask for a look backwards, or remove it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../../api/client";
import { go, href } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { useOwnAgency } from "../../parts/agency";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Panel, Trouble } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Ago } from "../../parts/time";
import { RemoveDialog } from "./remove";
import { type Source, type Sweep, useSources } from "./types";

const DAYS = 90;

export function SourceList() {
  const { t, language } = useWords();
  const { can } = useSession();
  const manage = can("indicators.manage");
  const client = useQueryClient();
  const agency = useOwnAgency();
  const [asking, setAsking] = useState<Source | null>(null);
  const query = useSources();
  const sweep = useMutation({
    mutationFn: (source: Source) => post<Sweep>("/indicators/hunts", { agency: source.agency || agency, source: source.id, days: DAYS }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["indicators", "sweeps"] });
      toast(t("indicators.sweep.asked", { days: DAYS }));
      go(href("/indicators", { tab: "sweeps" }));
    },
  });
  return (
    <Ask query={query}>
      {(data) =>
        data.items.length === 0 ? (
          <Empty kind="nothing" title={t("indicators.empty.sources")}>
            {t("indicators.empty.why")}
          </Empty>
        ) : (
          <Panel>
            {sweep.isError && <Trouble error={sweep.error} />}
            {data.error && (
              <p role="status">
                <Tag tone="bad">{t("indicators.kept")}</Tag> <Text>{data.error}</Text>
              </p>
            )}
            <Table className="indicator-table">
              <thead>
                <tr>
                  <th scope="col">{t("indicators.source")}</th>
                  <th scope="col">{t("indicators.tlp")}</th>
                  <th scope="col">{t("indicators.count")}</th>
                  <th scope="col">{t("indicators.changed")}</th>
                  <th scope="col">{t("indicators.addedBy")}</th>
                  {manage && <th scope="col">{t("indicators.acts")}</th>}
                </tr>
              </thead>
              <tbody>
                {data.items.map((source) => (
                  <tr key={source.id}>
                    <td>
                      <Text>{source.name}</Text> {source.agency === "" && <Tag tone="info">{t("indicators.forAll")}</Tag>}
                    </td>
                    <td className="figures">{`TLP:${source.tlp.toUpperCase()}`}</td>
                    <td className="figures">{count(source.count, language)}</td>
                    <td>
                      <Ago at={source.changed_at} />
                    </td>
                    <td>
                      <Text>{source.added_by}</Text>
                    </td>
                    {manage && (
                      <td className="acts">
                        <ActButton disabled={sweep.isPending} aria-label={`${t("indicators.sweep.ask")} ${source.name}`} onClick={() => sweep.mutate(source)}>
                          {t("indicators.sweep.ask")}
                        </ActButton>
                        <ActButton tone="quiet" aria-label={`${t("indicators.remove")} ${source.name}`} onClick={() => setAsking(source)}>
                          {t("indicators.remove")}
                        </ActButton>
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </Table>
            {asking && (
              <RemoveDialog
                title={t("indicators.removeTitle")}
                what={<Text>{asking.name}</Text>}
                then={t("indicators.removeWhat", { number: count(asking.count, language) })}
                path={`/indicators/sources/${asking.id}/remove`}
                onClose={() => setAsking(null)}
              />
            )}
          </Panel>
        )
      }
    </Ask>
  );
}
