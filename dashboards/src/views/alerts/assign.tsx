// To whom an alert is given: the people who may work on it, of every alert that is asked about.
import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../../api/client";
import type { Alert, Person } from "../../api/types";
import { useSession } from "../../app/session";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Loading, Trouble } from "../../parts/panel";

const ASKED = 5; // agencies whose people are asked for; more than that are not given away at once

type Answer = { to: Person; note?: string };

export function AssignDialog({ alerts, onClose, onDone }: { alerts: readonly Alert[]; onClose: () => void; onDone: (answer: Answer) => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const [to, setTo] = useState("");
  const [note, setNote] = useState("");
  // One alert of each agency: who may be given it is a matter of the agency alone.
  const asked = [...new Map(alerts.map((alert) => [alert.agency, alert.id])).values()];
  const found = useQueries({
    queries: asked.slice(0, ASKED).map((id) => ({
      queryKey: ["assignees", id],
      queryFn: ({ signal }: { signal: AbortSignal }) => get<{ items: Person[] }>(`/alerts/${encodeURIComponent(id)}/assignees`, {}, signal),
    })),
  });
  const failed = found.find((query) => query.isError);
  const lists = found.map((query) => query.data?.items ?? []);
  const people = asked.length > ASKED ? [] : (lists[0] ?? []).filter((person) => lists.every((list) => list.some((other) => other.id === person.id)));
  const chosen = people.find((person) => String(person.id) === to);
  const [only] = alerts;
  return (
    <Dialog title={t("assign.title")} onClose={onClose}>
      {failed ? (
        <Trouble error={failed.error} retry={() => found.forEach((query) => void query.refetch())} />
      ) : found.some((query) => query.isPending) ? (
        <Loading rows={3} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (chosen) onDone({ to: chosen, ...(note.trim() ? { note: note.trim() } : {}) });
          }}
        >
          <p className="muted">{alerts.length === 1 && only ? <span className="figures">{only.id}</span> : t("act.many", { count: alerts.length })}</p>
          <label className="field">
            <span>{t("assign.to")}</span>
            <select autoFocus required value={to} onChange={(event) => setTo(event.target.value)}>
              <option value="">{t("assign.choose")}</option>
              {people.map((person) => (
                <option key={person.id} value={person.id}>
                  {person.id === me.user.id ? t("assign.me", { name: person.name }) : person.name}
                </option>
              ))}
            </select>
          </label>
          {people.length === 0 && <p className="muted">{t("assign.nobody")}</p>}
          <label className="field">
            <span>{t("assign.note")}</span>
            <textarea rows={2} maxLength={4000} value={note} onChange={(event) => setNote(event.target.value)} />
          </label>
          <p className="muted">{t("assign.told")}</p>
          <footer className="dialog-foot">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
            <ActButton type="submit" tone="main" disabled={!chosen}>
              {t("act.assign")}
            </ActButton>
          </footer>
        </form>
      )}
    </Dialog>
  );
}
