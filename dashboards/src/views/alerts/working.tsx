// The acts on one or many alerts with their keys, buttons and questions: shared by the queue, its pane and the page.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../../api/client";
import type { Alert, Incident } from "../../api/types";
import { useAlertActs } from "../../app/cases";
import { type Bindings } from "../../app/keys";
import { go, href } from "../../app/route";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { useExplain } from "../../parts/panel";
import { AssignDialog } from "./assign";
import { CloseDialog, MergeDialog, NoteDialog, SnoozeDialog } from "./dialogs";
import { ExceptDialog } from "./except";

type Question = { kind: "close" | "snooze" | "note" | "merge" | "raise" | "assign" | "except"; alerts: readonly Alert[] };

/** `advance` is called after an act that leaves the row in the list, so that the next one is at hand. */
export function useWorking(advance: (step: number) => void = () => {}, cleared: () => void = () => {}) {
  const { t } = useWords();
  const { can, me } = useSession();
  const { perform } = useAlertActs();
  const client = useQueryClient();
  const explain = useExplain();
  const [question, setQuestion] = useState<Question | null>(null);
  const may = can("alerts.work");

  const ask = (kind: Question["kind"], alerts: readonly Alert[]) => alerts.length > 0 && setQuestion({ kind, alerts });
  const claim = (alerts: readonly Alert[], step = 0) => {
    void perform(alerts.filter((alert) => alert.status !== "closed" && !(alert.status === "claimed" && alert.assignee?.id === me.user.id)), { name: "claim" });
    if (step) advance(step);
  };
  const release = (alerts: readonly Alert[]) => void perform(alerts.filter((alert) => alert.status === "claimed"), { name: "release" });
  const reopen = (alerts: readonly Alert[]) => void perform(alerts.filter((alert) => ["closed", "snoozed"].includes(alert.status)), { name: "reopen" });

  const merge = async (alerts: readonly Alert[], answer: { incident: string | null; title: string }) => {
    const ids = alerts.map((alert) => alert.id);
    try {
      const incident = answer.incident
        ? await post<Incident>(`/incidents/${encodeURIComponent(answer.incident)}/alerts`, { alert_ids: ids })
        : await post<Incident>("/incidents", { alert_ids: ids, ...(answer.title ? { title: answer.title } : {}) });
      void client.invalidateQueries({ queryKey: ["incidents"] });
      cleared();
      toast(t("merge.done", { id: incident.id }));
      go(href(`/incidents/${incident.id}`));
    } catch (error) {
      toast(explain(error).text, { bad: true });
    }
  };

  const dialogs = question && (
    <>
      {question.kind === "close" && (
        <CloseDialog
          alerts={question.alerts}
          onClose={() => setQuestion(null)}
          onDone={(answer) => {
            setQuestion(null);
            void perform(question.alerts, { name: "close", ...answer });
          }}
        />
      )}
      {question.kind === "assign" && (
        <AssignDialog
          alerts={question.alerts}
          onClose={() => setQuestion(null)}
          onDone={(answer) => {
            setQuestion(null);
            void perform(question.alerts, { name: "assign", ...answer });
          }}
        />
      )}
      {question.kind === "snooze" && (
        <SnoozeDialog
          alerts={question.alerts}
          onClose={() => setQuestion(null)}
          onDone={(answer) => {
            setQuestion(null);
            void perform(question.alerts, { name: "snooze", ...answer });
          }}
        />
      )}
      {question.kind === "note" && (
        <NoteDialog
          title={t("note.title")}
          label={t("note.label")}
          send={t("act.note")}
          onClose={() => setQuestion(null)}
          onDone={(text) => {
            setQuestion(null);
            void perform(question.alerts, { name: "note", text });
          }}
        />
      )}
      {question.kind === "raise" && (
        <NoteDialog
          title={t("raise.title")}
          label={t("raise.label")}
          send={t("act.raise")}
          optional
          onClose={() => setQuestion(null)}
          onDone={(note) => {
            setQuestion(null);
            void perform(question.alerts, note ? { name: "raise", note } : { name: "raise" });
          }}
        />
      )}
      {question.kind === "except" && question.alerts[0] && <ExceptDialog alert={question.alerts[0]} onClose={() => setQuestion(null)} />}
      {question.kind === "merge" && (
        <MergeDialog
          alerts={question.alerts}
          onClose={() => setQuestion(null)}
          onDone={(answer) => {
            setQuestion(null);
            void merge(question.alerts, answer);
          }}
        />
      )}
    </>
  );

  const keys = (subjects: () => readonly Alert[]): Bindings =>
    may
      ? {
          a: { label: "keys.claim", run: () => claim(subjects()) },
          "Shift+a": { label: "keys.assign", run: () => ask("assign", subjects().filter((alert) => alert.status !== "closed")) },
          e: { label: "keys.close", run: () => ask("close", subjects()) },
          s: { label: "keys.snooze", run: () => ask("snooze", subjects()) },
          c: { label: "keys.note", run: () => ask("note", subjects()) },
          ...(can("incidents.work") ? { m: { label: "keys.merge", run: () => ask("merge", subjects()) } } : {}),
          ...(can("exceptions.work") ? { t: { label: "keys.except", run: () => ask("except", subjects().slice(0, 1)) } } : {}),
          "[": { label: "keys.claimUp", run: () => claim(subjects(), -1) },
          "]": { label: "keys.claimDown", run: () => claim(subjects(), 1) },
        }
      : {};

  const buttons = (alerts: readonly Alert[]) => {
    if (!may || !alerts.length) return null;
    const open = alerts.some((alert) => alert.status !== "closed");
    const asleep = alerts.every((alert) => alert.status === "closed" || alert.status === "snoozed");
    const taken = alerts.every((alert) => alert.status === "claimed");
    return (
      <div className="acts">
        {open && !taken && (
          <ActButton tone="main" hint="a" onClick={() => claim(alerts)}>
            {t("act.claim")}
          </ActButton>
        )}
        {open && (
          <ActButton hint="e" onClick={() => ask("close", alerts)} {...(taken ? { tone: "main" as const } : {})}>
            {t("act.close")}
          </ActButton>
        )}
        {open && (
          <ActButton hint="⇧ a" onClick={() => ask("assign", alerts.filter((alert) => alert.status !== "closed"))}>
            {t("act.assign")}
          </ActButton>
        )}
        {asleep && <ActButton onClick={() => reopen(alerts)}>{t("act.reopen")}</ActButton>}
        {open && !asleep && (
          <ActButton hint="s" onClick={() => ask("snooze", alerts)}>
            {t("act.snooze")}
          </ActButton>
        )}
        {can("incidents.work") && (
          <ActButton hint="m" onClick={() => ask("merge", alerts)}>
            {t("act.merge")}
          </ActButton>
        )}
        <ActButton hint="c" onClick={() => ask("note", alerts)}>
          {t("act.note")}
        </ActButton>
        {taken && <ActButton onClick={() => release(alerts)}>{t("act.release")}</ActButton>}
        {can("exceptions.work") && alerts.length === 1 && (
          <ActButton hint="t" onClick={() => ask("except", alerts)}>
            {t("exceptions.add")}
          </ActButton>
        )}
        {can("incidents.raise") && alerts.length === 1 && open && (
          <ActButton onClick={() => ask("raise", alerts)}>{t("act.raiseShort")}</ActButton>
        )}
      </div>
    );
  };
  return { keys, buttons, dialogs };
}
