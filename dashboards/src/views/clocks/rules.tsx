// The rules and their versions. Who may, adds a version: nothing is overwritten, old incidents keep theirs.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import type { Page } from "../../api/types";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Ask, Panel, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Source } from "./countdown";
import type { ClockRule } from "./types";

const day = (iso: string) => iso.split("-").reverse().join("/");

function useGiven() {
  const { t } = useWords();
  return ({ clock }: ClockRule) =>
    clock.starts === "calendar"
      ? t("clocks.rule.day", { day: (clock.day ?? "").split("-").reverse().join("/") })
      : clock.hours === 0
        ? t("clocks.rule.atOnce")
        : t(`clocks.rule.from.${clock.starts}`, { hours: clock.hours ?? 0 });
}

export function Rules() {
  const { t, pick } = useWords();
  const { can } = useSession();
  const given = useGiven();
  const [editing, setEditing] = useState<ClockRule | null>(null);
  const query = useQuery({ queryKey: ["clock-rules"], queryFn: ({ signal }) => get<Page<ClockRule>>("/clock-rules", {}, signal) });
  return (
    <div className="clock-scroll">
      <p className="muted">{t("clocks.rule.hint")}</p>
      <Ask query={query} rows={6}>
        {({ items }) => (
          <ul className="clock-rules">
            {items
              .filter((rule) => rule.newest)
              .map((rule) => (
                <li key={rule.id}>
                  <Panel
                    title={<Text>{pick(rule.text)}</Text>}
                    aside={
                      can("clocks.manage") && (
                        <ActButton onClick={() => setEditing(rule)}>{t("clocks.rule.edit")}</ActButton>
                      )
                    }
                  >
                    <p className="values">
                      <Tag tone="info">{given(rule)}</Tag>
                      <Tag>{t(`clocks.trigger.${rule.trigger}`)}</Tag>
                      <Tag tone={rule.verified_by ? "ok" : "warn"}>{t(rule.verified_by ? "clocks.verified" : "clocks.unverified")}</Tag>
                    </p>
                    <p>
                      <Source of={rule} />
                    </p>
                    <p className="muted">
                      {rule.valid_to ? t("clocks.rule.span", { from: day(rule.valid_from), to: day(rule.valid_to) }) : t("clocks.rule.since", { from: day(rule.valid_from) })} · {rule.recipients.map((who) => pick(who)).join("; ")}
                    </p>
                    <p className="muted">
                      <Text>{rule.source}</Text>
                    </p>
                    <Older rules={items.filter((other) => other.id === rule.id && !other.newest)} given={given} />
                  </Panel>
                </li>
              ))}
          </ul>
        )}
      </Ask>
      {editing && <Edit rule={editing} onClose={() => setEditing(null)} />}
    </div>
  );
}

function Older({ rules, given }: { rules: readonly ClockRule[]; given: (rule: ClockRule) => string }) {
  const { t } = useWords();
  if (rules.length === 0) return null;
  return (
    <details>
      <summary>{t("clocks.rule.older", { count: rules.length })}</summary>
      <ul>
        {rules.map((rule) => (
          <li key={rule.version}>
            {t("clocks.version", { version: rule.version })} · {given(rule)} · {t("clocks.rule.since", { from: day(rule.valid_from) })} · <Text>{rule.made_name}</Text> <Time at={rule.made_at} />
          </li>
        ))}
      </ul>
    </details>
  );
}

function Edit({ rule, onClose }: { rule: ClockRule; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [said, setSaid] = useState({ article: rule.article, source: rule.source, verified_by: rule.verified_by, valid_from: rule.valid_from, valid_to: rule.valid_to ?? "", vi: rule.text.vi, en: rule.text.en ?? "", note: "" });
  const [hours, setHours] = useState(String(rule.clock.hours ?? ""));
  const [date, setDate] = useState(rule.clock.day ?? "");
  const set = (key: keyof typeof said) => (event: { target: { value: string } }) => setSaid({ ...said, [key]: event.target.value });
  const save = useMutation({
    mutationFn: () =>
      post<ClockRule>("/clock-rules", {
        id: rule.id,
        trigger: rule.trigger,
        grades: rule.grades,
        kinds: rule.kinds,
        stages: rule.stages,
        recipients: rule.recipients,
        form_id: rule.form_id,
        text: { vi: said.vi, en: said.en },
        article: said.article,
        source: said.source,
        verified_by: said.verified_by,
        valid_from: said.valid_from,
        valid_to: said.valid_to || null,
        note: said.note,
        clock: rule.clock.starts === "calendar" ? { ...rule.clock, day: date } : { ...rule.clock, hours: Number(hours) },
      }),
    onSuccess: (after) => {
      toast(t("clocks.rule.saved", { version: after.version }));
      void client.invalidateQueries({ queryKey: ["clock-rules"] });
      onClose();
    },
  });
  return (
    <Dialog title={t("clocks.rule.edit")} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <p className="muted">{t("clocks.rule.editHint")}</p>
        {(["vi", "en", "article"] as const).map((key) => (
          <label key={key} className="field">
            <span>{t(`clocks.rule.field.${key}`)}</span>
            <input required={key === "vi"} maxLength={key === "article" ? 300 : 500} value={said[key]} onChange={set(key)} />
          </label>
        ))}
        {rule.clock.starts === "calendar" ? (
          <label className="field">
            <span>{t("clocks.rule.field.day")}</span>
            <input required pattern="[0-9]{2}-[0-9]{2}" value={date} onChange={(event) => setDate(event.target.value)} />
          </label>
        ) : (
          <label className="field">
            <span>{t("clocks.rule.field.hours")}</span>
            <input type="number" required min={0} max={8784} step="any" value={hours} onChange={(event) => setHours(event.target.value)} />
          </label>
        )}
        {(["valid_from", "valid_to"] as const).map((key) => (
          <label key={key} className="field">
            <span>{t(`clocks.rule.field.${key}`)}</span>
            <input type="date" required={key === "valid_from"} value={said[key]} onChange={set(key)} />
          </label>
        ))}
        {(["source", "verified_by", "note"] as const).map((key) => (
          <label key={key} className="field">
            <span>{t(`clocks.rule.field.${key}`)}</span>
            <input maxLength={key === "verified_by" ? 200 : 500} value={said[key]} onChange={set(key)} />
          </label>
        ))}
        {save.isError && <Trouble error={save.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <button type="submit" className="button button-main" disabled={save.isPending}>
            {t("clocks.save")}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
