// The sources of indicators, and looking backwards for one: how far it is, what it found, stop.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import { go, href } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { useOwnAgency } from "../../parts/agency";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Trouble } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { RemoveDialog } from "./remove";
import { type Source, type Sweep, type Sweeps, useSources } from "./types";

export const TONES = { waiting: "plain", running: "info", done: "ok", stopped: "warn", failed: "bad" } as const;
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
          <>
            {sweep.isError && <Trouble error={sweep.error} />}
            {data.error && (
              <p role="status">
                <Tag tone="bad">{t("indicators.kept")}</Tag> <Text>{data.error}</Text>
              </p>
            )}
            <Table>
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
                      <td>
                        <ActButton tone="quiet" disabled={sweep.isPending} aria-label={`${t("indicators.sweep.ask")} ${source.name}`} onClick={() => sweep.mutate(source)}>
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
          </>
        )
      }
    </Ask>
  );
}

export function SweepList() {
  const { t } = useWords();
  const [open, setOpen] = useState<number | null>(null);
  const query = useQuery({
    queryKey: ["indicators", "sweeps"],
    queryFn: ({ signal }) => get<Sweeps>("/indicators/hunts", {}, signal),
    refetchInterval: ({ state: { data } }) => (data?.items.some((sweep) => sweep.state === "running" || sweep.state === "waiting") ? 3_000 : 30_000),
  });
  return (
    <Ask query={query}>
      {(data) =>
        data.items.length === 0 ? (
          <Empty kind="nothing" title={t("indicators.empty.sweeps")}>
            {t("indicators.empty.sweepsWhy")}
          </Empty>
        ) : (
          <Table>
            <thead>
              <tr>
                <th scope="col">{t("indicators.sweep.what")}</th>
                <th scope="col">{t("column.status")}</th>
                <th scope="col">{t("indicators.sweep.found")}</th>
                <th scope="col">{t("indicators.sweep.time")}</th>
                <th scope="col">{t("indicators.addedBy")}</th>
                <th scope="col">{t("indicators.acts")}</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((sweep) => (
                <SweepRow key={sweep.id} sweep={sweep} open={open === sweep.id} onOpen={() => setOpen(open === sweep.id ? null : sweep.id)} />
              ))}
            </tbody>
          </Table>
        )
      }
    </Ask>
  );
}

function SweepRow({ sweep, open, onOpen }: { sweep: Sweep; open: boolean; onOpen: () => void }) {
  const { t, language } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const working = sweep.state === "waiting" || sweep.state === "running";
  const stop = useMutation({
    mutationFn: () => post<Sweep>(`/indicators/hunts/${sweep.id}/stop`),
    onSettled: () => void client.invalidateQueries({ queryKey: ["indicators", "sweeps"] }),
  });
  return (
    <>
      <tr>
        <td>
          <Text>{sweep.what}</Text>
        </td>
        <td>
          <Tag tone={TONES[sweep.state]} title={sweep.told}>
            {t(`indicators.sweep.state.${sweep.state}`)}
          </Tag>{" "}
          {sweep.state === "running" && <span className="figures">{sweep.total ? `${Math.floor((100 * sweep.done) / sweep.total)} %` : count(sweep.events, language)}</span>}
        </td>
        <td className="figures">{count(sweep.found_total, language)}</td>
        <td>
          <Time at={sweep.since} short /> – <Time at={sweep.until} short />
        </td>
        <td>
          <Text>{sweep.asked_by}</Text>
        </td>
        <td>
          {sweep.found_total > 0 && (
            <ActButton tone="quiet" aria-expanded={open} aria-label={`${t("indicators.sweep.show")} ${sweep.what}`} onClick={onOpen}>
              {t("indicators.sweep.show")}
            </ActButton>
          )}
          {working && can("indicators.manage") && (
            <ActButton tone="quiet" disabled={stop.isPending} aria-label={`${t("indicators.sweep.stop")} ${sweep.what}`} onClick={() => stop.mutate()}>
              {t("indicators.sweep.stop")}
            </ActButton>
          )}
        </td>
      </tr>
      {open && <Traces id={sweep.id} />}
    </>
  );
}

function Traces({ id }: { id: number }) {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ["indicators", "sweeps", id], queryFn: ({ signal }) => get<Sweep>(`/indicators/hunts/${id}`, {}, signal) });
  return (
    <tr>
      <td colSpan={6}>
        <Ask query={query} rows={2}>
          {(sweep) => (
            <ul>
              {sweep.found.map((trace) => (
                <li key={`${trace.kind} ${trace.value}`}>
                  <a href={href("/hunt", { q: `"${trace.value}"` })}>
                    <Text mono>{trace.value}</Text>
                  </a>{" "}
                  <span className="figures">{count(trace.count, language)}</span> {t("indicators.sweep.times")}, <Time at={trace.first} short /> – <Time at={trace.last} short />{" "}
                  <Text mono>{Object.keys(trace.hosts).slice(0, 5).join(" ")}</Text>
                </li>
              ))}
            </ul>
          )}
        </Ask>
      </td>
    </tr>
  );
}
