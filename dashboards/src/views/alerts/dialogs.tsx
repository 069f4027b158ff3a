// The questions an act asks: why it is closed (one key of six), until when and why it sleeps, a note, which incident.
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { get } from "../../api/client";
import type { Alert, Disposition, IncidentShort, Page } from "../../api/types";
import { momentOf, tomorrowAt } from "../../app/time";
import { useWords } from "../../i18n";
import { Dialog } from "../../parts/dialog";
import { ActButton } from "../../parts/button";
import { Severity } from "../../parts/severity";
import { Text } from "../../parts/text";

export const DISPOSITIONS: readonly Disposition[] = [
  "true_positive",
  "benign_true",
  "false_positive",
  "duplicate",
  "test",
  "undetermined",
];

function Subject({ alerts }: { alerts: readonly Alert[] }) {
  const { t, pick } = useWords();
  const [first] = alerts;
  if (!first) return null;
  return (
    <p className="dialog-subject">
      {alerts.length === 1 ? (
        <>
          <span className="figures">{first.id}</span> <Text>{pick(first.title)}</Text>
        </>
      ) : (
        t("act.many", { count: alerts.length })
      )}
    </p>
  );
}

type Asked<T> = { alerts: readonly Alert[]; onClose: () => void; onDone: (answer: T) => void };

export function CloseDialog({ alerts, onClose, onDone }: Asked<{ disposition: Disposition; note?: string }>) {
  const { t } = useWords();
  const [chosen, setChosen] = useState<Disposition | null>(null);
  const [note, setNote] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const done = (disposition: Disposition) => {
    const text = note.trim();
    if (disposition === "false_positive" && !text) {
      // The one choice that must say why: a rule is corrected from it.
      setChosen(disposition);
      box.current?.focus();
      return;
    }
    onDone(text ? { disposition, note: text } : { disposition });
  };
  const keys = Object.fromEntries(DISPOSITIONS.map((choice, index) => [String(index + 1), { run: () => done(choice) }]));
  return (
    <Dialog title={t("close.title")} onClose={onClose} keys={keys}>
      <Subject alerts={alerts} />
      <div className="choices" role="group" aria-label={t("close.why")}>
        {DISPOSITIONS.map((choice, index) => (
          <button
            key={choice}
            type="button"
            className="choice"
            autoFocus={index === 0}
            aria-pressed={chosen === choice}
            onClick={() => done(choice)}
          >
            <kbd>{index + 1}</kbd>
            <span>
              {t(`disposition.${choice}`)}
              <small className="muted">{t(`dispositionHint.${choice}`)}</small>
            </span>
          </button>
        ))}
      </div>
      <label className="field">
        <span>{chosen === "false_positive" ? t("close.noteNeeded") : t("close.note")}</span>
        <textarea
          ref={box}
          rows={2}
          value={note}
          maxLength={4000}
          aria-invalid={chosen === "false_positive" && !note.trim()}
          onChange={(event) => setNote(event.target.value)}
        />
      </label>
      {chosen && (
        <footer className="dialog-foot">
          <ActButton tone="main" disabled={!note.trim()} onClick={() => done(chosen)}>
            {t("close.as", { word: t(`disposition.${chosen}`) })}
          </ActButton>
        </footer>
      )}
    </Dialog>
  );
}

export function SnoozeDialog({ alerts, onClose, onDone }: Asked<{ until: string; reason: string }>) {
  const { t } = useWords();
  const [now] = useState(() => Date.now());
  const after = (hours: number) => new Date(now + hours * 3_600_000).toISOString();
  const choices = [
    { word: t("snooze.hours", { count: 1 }), until: after(1) },
    { word: t("snooze.hours", { count: 4 }), until: after(4) },
    { word: t("snooze.tomorrow"), until: tomorrowAt(8, now) },
    { word: t("snooze.days", { count: 3 }), until: after(72) },
    { word: t("snooze.days", { count: 7 }), until: after(168) },
  ];
  const [chosen, setChosen] = useState(0);
  const [reason, setReason] = useState("");
  const until = choices[chosen]?.until ?? after(1);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) onDone({ until, reason: reason.trim() });
  };
  const box = useRef<HTMLTextAreaElement>(null);
  const choose = (index: number) => {
    setChosen(index);
    box.current?.focus();
  };
  const keys = Object.fromEntries(choices.map((_, index) => [String(index + 1), { run: () => choose(index) }]));
  return (
    <Dialog title={t("snooze.title")} onClose={onClose} keys={keys}>
      <Subject alerts={alerts} />
      <form onSubmit={submit}>
        <div className="choices choices-row" role="group" aria-label={t("snooze.until")}>
          {choices.map((choice, index) => (
            <button
              key={choice.word}
              type="button"
              className="choice"
              autoFocus={index === 0}
              aria-pressed={chosen === index}
              onClick={() => choose(index)}
            >
              <kbd>{index + 1}</kbd>
              <span>{choice.word}</span>
            </button>
          ))}
        </div>
        <p className="muted">
          {t("snooze.wakes")} <span className="figures">{momentOf(until)}</span>
        </p>
        <label className="field">
          <span>{t("snooze.reason")}</span>
          <textarea ref={box} rows={2} required maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={!reason.trim()}>
            {t("act.snooze")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

type NoteProps = { title: string; label: string; send: string; optional?: boolean; onClose: () => void; onDone: (text: string) => void };

export function NoteDialog({ title, label, send, optional = false, onClose, onDone }: NoteProps) {
  const { t } = useWords();
  const [text, setText] = useState("");
  const ready = optional || text.trim() !== "";
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) onDone(text.trim());
        }}
      >
        <label className="field">
          <span>{label}</span>
          <textarea autoFocus rows={4} maxLength={8000} required={!optional} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={!ready}>
            {send}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

export function MergeDialog({ alerts, onClose, onDone }: Asked<{ incident: string | null; title: string }>) {
  const { t, pick } = useWords();
  const [title, setTitle] = useState("");
  const open = useQuery({
    queryKey: ["incidents", "to-merge"],
    queryFn: ({ signal }) => get<Page<IncidentShort>>("/incidents", { limit: 20 }, signal),
    staleTime: 0,
  });
  const agencies = new Set(alerts.map((alert) => alert.agency));
  const fitting = (open.data?.items ?? []).filter((incident) => incident.state !== "closed" && agencies.has(incident.agency));
  return (
    <Dialog title={t("merge.title")} onClose={onClose} wide>
      <Subject alerts={alerts} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onDone({ incident: null, title: title.trim() });
        }}
      >
        <label className="field">
          <span>{t("merge.new")}</span>
          <input
            autoFocus
            maxLength={300}
            placeholder={alerts[0] ? pick(alerts[0].title) : ""}
            value={title}
            onChange={(event) => setTitle(event.target.value)}
          />
        </label>
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <button type="submit" className="button button-main">
            {t("merge.open")}
          </button>
        </footer>
      </form>
      {fitting.length > 0 && (
        <>
          <h3>{t("merge.existing")}</h3>
          <ul className="lines">
            {fitting.map((incident) => (
              <li key={incident.id}>
                <button type="button" className="line-button" onClick={() => onDone({ incident: incident.id, title: "" })}>
                  <Severity level={incident.level} />
                  <span className="figures">{incident.id}</span>
                  <Text>{incident.title}</Text>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
