// Looking backwards: what was asked for, how far it is, what it met; stop.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import { href } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import { dateOf } from "../../app/time";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Ask, Panel } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import type { Sweep, Sweeps } from "./types";

const TONES = { waiting: "plain", running: "info", done: "ok", stopped: "warn", failed: "bad" } as const;
const HOSTS = 5;
const working = (sweep: Sweep) => sweep.state === "waiting" || sweep.state === "running";

export function SweepList() {
  const { t } = useWords();
  const [open, setOpen] = useState<number | null>(null);
  const query = useQuery({
    queryKey: ["indicators", "sweeps"],
    queryFn: ({ signal }) => get<Sweeps>("/indicators/hunts", {}, signal),
    refetchInterval: ({ state: { data } }) => (data?.items.some(working) ? 3_000 : 30_000),
  });
  return (
    <Ask query={query}>
      {(data) =>
        data.items.length === 0 ? (
          <Empty
            kind="nothing"
            title={t("indicators.empty.sweeps")}
            action={
              <a className="button" href={href("/indicators", { tab: "sources" })}>
                {t("indicators.tab.sources")}
              </a>
            }
          >
            {t("indicators.empty.sweepsWhy")}
          </Empty>
        ) : (
          <Panel>
            <Table className="indicator-table">
              <thead>
                <tr>
                  <th scope="col">{t("indicators.sweep.what")}</th>
                  <th scope="col">{t("column.status")}</th>
                  <th scope="col">{t("indicators.sweep.found")}</th>
                  <th scope="col">{t("indicators.sweep.read")}</th>
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
          </Panel>
        )
      }
    </Ask>
  );
}

function SweepRow({ sweep, open, onOpen }: { sweep: Sweep; open: boolean; onOpen: () => void }) {
  const { t, language } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const stop = useMutation({
    mutationFn: () => post<Sweep>(`/indicators/hunts/${sweep.id}/stop`),
    onSettled: () => void client.invalidateQueries({ queryKey: ["indicators", "sweeps"] }),
  });
  const share = sweep.total ? Math.floor((100 * sweep.done) / sweep.total) : 0;
  return (
    <>
      <tr>
        <td>
          <Text>{sweep.what}</Text>
        </td>
        <td>
          <Tag tone={TONES[sweep.state]}>
            {t(`indicators.sweep.state.${sweep.state}`)} {sweep.state === "running" && <span className="figures">{share}%</span>}
          </Tag>
          {sweep.state === "running" && <progress className="sweep-progress" max={100} value={share} aria-label={t("indicators.sweep.progress", { share })} />}
          {sweep.told && (
            <p className="muted">
              <Text>{sweep.told}</Text>
            </p>
          )}
        </td>
        <td className="figures">{count(sweep.found_total, language)}</td>
        <td className="figures">{count(sweep.events, language)}</td>
        <td className="figures">
          {dateOf(sweep.since)} – {dateOf(sweep.until)}
        </td>
        <td>
          <Text>{sweep.asked_by}</Text>
        </td>
        <td className="acts">
          {sweep.found_total > 0 && (
            <ActButton aria-expanded={open} aria-label={`${t(open ? "indicators.sweep.hide" : "indicators.sweep.show")} ${sweep.what}`} onClick={onOpen}>
              {t(open ? "indicators.sweep.hide" : "indicators.sweep.show")}
            </ActButton>
          )}
          {working(sweep) && can("indicators.manage") && (
            <ActButton tone="quiet" disabled={stop.isPending} aria-label={`${t("indicators.sweep.stop")} ${sweep.what}`} onClick={() => stop.mutate()}>
              {t("indicators.sweep.stop")}
            </ActButton>
          )}
        </td>
      </tr>
      {open && <Traces id={sweep.id} total={sweep.found_total} />}
    </>
  );
}

/** What was met, the most often first; each leads to its events. */
function Traces({ id, total }: { id: number; total: number }) {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ["indicators", "sweeps", id, total], queryFn: ({ signal }) => get<Sweep>(`/indicators/hunts/${id}`, {}, signal) });
  return (
    <tr>
      <td colSpan={7} className="traces">
        <Ask query={query} rows={2}>
          {(sweep) => (
            <>
              <Table>
                <thead>
                  <tr>
                    <th scope="col">{t("indicators.value")}</th>
                    <th scope="col">{t("indicators.seen")}</th>
                    <th scope="col">{t("indicators.firstSeen")}</th>
                    <th scope="col">{t("indicators.lastSeen")}</th>
                    <th scope="col">{t("indicators.sweep.hosts")}</th>
                  </tr>
                </thead>
                <tbody>
                  {[...sweep.found]
                    .sort((a, b) => b.count - a.count)
                    .map((trace) => (
                      <tr key={`${trace.kind} ${trace.value}`}>
                        <td>
                          <a href={href("/hunt", { q: `"${trace.value}"` })}>
                            <Text mono>{trace.value}</Text>
                          </a>
                        </td>
                        <td className="figures">{count(trace.count, language)}</td>
                        <td>
                          <Time at={trace.first} />
                        </td>
                        <td>
                          <Time at={trace.last} />
                        </td>
                        <td>
                          <Text mono>{Object.keys(trace.hosts).slice(0, HOSTS).join(", ")}</Text>
                          {Object.keys(trace.hosts).length > HOSTS && ` +${Object.keys(trace.hosts).length - HOSTS}`}
                        </td>
                      </tr>
                    ))}
                </tbody>
              </Table>
              {sweep.found.length < sweep.found_total && <p className="muted">{t("indicators.sweep.more", { shown: count(sweep.found.length, language), total: count(sweep.found_total, language) })}</p>}
            </>
          )}
        </Ask>
      </td>
    </tr>
  );
}
