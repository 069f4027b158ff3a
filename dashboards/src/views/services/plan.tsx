// Planned work: the form, and the list of windows. Times are typed and read in Vietnam's official time.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import type { Page } from "../../api/types";
import { useSession } from "../../app/session";
import { ZONE } from "../../app/time";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { Ask, Trouble, useExplain } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import type { ServicePage, Window } from "./types";

const OFFSET_MS = 7 * 3_600_000;
/** For an input of type datetime-local: the wall clock of UTC+7. */
const wall = (at: number) => new Date(at + OFFSET_MS).toISOString().slice(0, 16);

export function useAgain() {
  const client = useQueryClient();
  return () => {
    for (const key of ["services", "service", "maintenance"]) void client.invalidateQueries({ queryKey: [key] });
  };
}

export function PlanDialog({ chosen, onClose }: { chosen: readonly { id: string; name: string }[]; onClose: () => void }) {
  const { t } = useWords();
  const again = useAgain();
  const now = Date.now();
  const [since, setSince] = useState(wall(now));
  const [until, setUntil] = useState(wall(now + 2 * 3_600_000));
  const [note, setNote] = useState("");
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set(chosen.map((one) => one.id)));
  const all = useQuery({
    queryKey: ["services", "to-plan"],
    queryFn: ({ signal }) => get<ServicePage>("/services", { sort: "name", limit: 200 }, signal),
    enabled: chosen.length === 0,
  });
  const send = useMutation({
    mutationFn: () => post<Window>("/maintenance", { services: [...picked], since: `${since}:00${ZONE}`, until: `${until}:00${ZONE}`, note: note.trim() }),
    onSuccess: () => {
      again();
      toast(t("services.planned"));
      onClose();
    },
  });
  const choices = chosen.length ? chosen : (all.data?.items ?? []);
  return (
    <Dialog title={t("services.plan")} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <fieldset className="field plan-services">
          <legend>{t("services.planWhich")}</legend>
          {choices.map((one) => (
            <label key={one.id}>
              <input
                type="checkbox"
                checked={picked.has(one.id)}
                onChange={(event) => {
                  const next = new Set(picked);
                  if (event.target.checked) next.add(one.id);
                  else next.delete(one.id);
                  setPicked(next);
                }}
              />{" "}
              <Text>{one.name}</Text> <span className="muted figures">{one.id}</span>
            </label>
          ))}
        </fieldset>
        <div className="plan-times">
          <label className="field">
            <span>{t("services.column.from")}</span>
            <input type="datetime-local" required value={since} onChange={(event) => setSince(event.target.value)} />
          </label>
          <label className="field">
            <span>{t("services.column.until")}</span>
            <input type="datetime-local" required min={since} value={until} onChange={(event) => setUntil(event.target.value)} />
          </label>
        </div>
        <label className="field">
          <span>{t("services.planNote")}</span>
          <textarea required maxLength={2000} rows={3} value={note} onChange={(event) => setNote(event.target.value)} />
          <small className="muted">{t("services.planHint")}</small>
        </label>
        {send.isError && <Trouble error={send.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={send.isPending || picked.size === 0 || !note.trim()}>
            {t("services.plan")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

/** `here`: on a service's own page, where which service is no question. */
export function WindowTable({ windows, here = false }: { windows: readonly Window[]; here?: boolean }) {
  const { t } = useWords();
  const { can } = useSession();
  const explain = useExplain();
  const again = useAgain();
  const end = useMutation({
    mutationFn: (window: Window) => post<Window>(`/maintenance/${encodeURIComponent(window.id)}/cancel`, {}),
    onSuccess: () => toast(t("services.ended")),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: again,
  });
  const tone = { planned: "info", running: "warn", over: "plain", withdrawn: "plain" } as const;
  return (
    <Table>
      <thead>
        <tr>
          <th scope="col">{t("services.column.state")}</th>
          <th scope="col">{t("services.column.from")}</th>
          <th scope="col">{t("services.column.until")}</th>
          {!here && <th scope="col">{t("services.column.services")}</th>}
          <th scope="col">{t("services.column.note")}</th>
          <th scope="col">{t("services.column.by")}</th>
          <td />
        </tr>
      </thead>
      <tbody>
        {windows.map((window) => (
          <tr key={window.id}>
            <td>
              <Tag tone={tone[window.state]}>{t(`services.windowState.${window.state}`)}</Tag>
              {window.retroactive && <div className="muted">{t("services.retroactive")}</div>}
            </td>
            <td>
              <Time at={window.since} short />
            </td>
            <td>
              <Time at={window.until} short />
            </td>
            {!here && <td className="figures">{window.services.length === 1 ? window.services[0] : window.services.length}</td>}
            <td>
              <Text>{window.note}</Text>
            </td>
            <td>
              <Text>{window.created_by}</Text>
            </td>
            <td className="still">
              {can("services.manage") && window.state !== "withdrawn" && (
                <ActButton tone="quiet" disabled={end.isPending} onClick={() => end.mutate(window)}>
                  {t(window.state === "running" ? "services.end" : "services.withdraw")}
                </ActButton>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

export function Windows({ onPlan }: { onPlan: () => void }) {
  const { t } = useWords();
  const { can } = useSession();
  const query = useQuery({
    queryKey: ["maintenance"],
    queryFn: ({ signal }) => get<Page<Window>>("/maintenance", { limit: 200 }, signal),
  });
  return (
    <Ask query={query} rows={4}>
      {({ items }) =>
        items.length ? (
          <WindowTable windows={items} />
        ) : (
          <Empty kind="nothing" title={t("services.windowsNone")} action={can("services.manage") ? <ActButton onClick={onPlan}>{t("services.plan")}</ActButton> : undefined}>
            {t("services.windowsNoneWhy")}
          </Empty>
        )
      }
    </Ask>
  );
}
