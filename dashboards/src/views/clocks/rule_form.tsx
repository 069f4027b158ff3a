// A version of a rule, or a new rule: what it says, when it holds, what sets it off, how much time it gives.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { get, post } from "../../api/client";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Trouble } from "../../parts/panel";
import type { ClockRule, Forms } from "./types";

const TRIGGERS = ["incident", "serious", "harm", "personal_data", "complex", "calendar"] as const;
const STARTS = ["detection", "flag", "closing"] as const;
const MONTH_DAY = "(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
type Trigger = (typeof TRIGGERS)[number];
type Starts = (typeof STARTS)[number];

/** Reminders are data of each rule; a new one takes those of a rule that counts its time the same way. */
const stagesLike = (known: readonly ClockRule[], calendar: boolean, atOnce: boolean) =>
  known.find((rule) => rule.newest && (rule.clock.starts === "calendar") === calendar && (calendar || (rule.clock.hours === 0) === atOnce))?.stages ?? [];

export function RuleForm({ rule, known, onClose }: { rule: ClockRule | null; known: readonly ClockRule[]; onClose: () => void }) {
  const { t, pick } = useWords();
  const client = useQueryClient();
  const forms = useQuery({ queryKey: ["document-forms"], queryFn: ({ signal }) => get<Forms>("/document-forms", {}, signal), staleTime: Number.POSITIVE_INFINITY });
  const clock = rule?.clock;
  const [said, setSaid] = useState({
    id: rule?.id ?? "",
    vi: rule?.text.vi ?? "",
    en: rule?.text.en ?? "",
    article: rule?.article ?? "",
    source: rule?.source ?? "",
    verified_by: rule?.verified_by ?? "",
    valid_from: rule?.valid_from ?? "",
    valid_to: rule?.valid_to ?? "",
    note: "",
    hours: String(clock?.hours ?? 24),
    again: clock?.again_h ? String(clock.again_h) : "",
    day: clock?.day ?? "",
    period_from: clock?.period_from ?? "",
    period_to: clock?.period_to ?? "",
    recipients: (rule?.recipients ?? []).map((who) => who.vi).join("\n"),
  });
  const [trigger, setTrigger] = useState<Trigger>(rule?.trigger ?? "incident");
  const [starts, setStarts] = useState<Starts>(clock && clock.starts !== "calendar" ? clock.starts : "detection");
  const [form, setForm] = useState(rule?.form_id ?? "");
  const calendar = trigger === "calendar";
  const offered: readonly Starts[] = trigger === "incident" ? STARTS.filter((one) => one !== "flag") : STARTS;
  const from = offered.includes(starts) ? starts : "detection";
  const repeats = !calendar && from !== "closing";
  const english = new Map((rule?.recipients ?? []).map((who) => [who.vi, who.en ?? ""]));
  const save = useMutation({
    mutationFn: () =>
      post<ClockRule>("/clock-rules", {
        id: said.id.trim(),
        trigger,
        grades: rule?.grades ?? [],
        kinds: rule?.kinds ?? [],
        stages: rule?.stages ?? stagesLike(known, calendar, Number(said.hours) === 0),
        recipients: said.recipients.split("\n").map((line) => line.trim()).filter(Boolean).map((vi) => ({ vi, en: english.get(vi) ?? "" })),
        form_id: form,
        text: { vi: said.vi, en: said.en },
        article: said.article,
        source: said.source,
        verified_by: said.verified_by,
        valid_from: said.valid_from,
        valid_to: said.valid_to || null,
        note: said.note,
        clock: calendar
          ? { starts: "calendar", day: said.day, period_from: said.period_from, period_to: said.period_to }
          : { starts: from, hours: Number(said.hours), again_h: repeats && said.again ? Number(said.again) : null },
      }),
    onSuccess: (after) => {
      toast(t("clocks.rule.saved", { version: after.version }));
      void client.invalidateQueries({ queryKey: ["clock-rules"] });
      onClose();
    },
  });
  const set = (key: keyof typeof said) => (event: { target: { value: string } }) => setSaid({ ...said, [key]: event.target.value });
  const text = (key: keyof typeof said, max: number, more: object = {}) => (
    <Field key={key} label={t(`clocks.rule.field.${key}`)}>
      <input maxLength={max} value={said[key]} onChange={set(key)} {...more} />
    </Field>
  );
  return (
    <Dialog title={t(rule ? "clocks.rule.edit" : "clocks.rule.new")} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <p className="muted">{t(rule ? "clocks.rule.editHint" : "clocks.rule.newHint")}</p>
        {!rule && text("id", 64, { required: true, pattern: "[a-z0-9][a-z0-9\\-]{0,63}", placeholder: "so-24h" })}
        {text("vi", 500, { required: true })}
        {text("en", 500)}
        {text("article", 300)}
        <div className="rule-row">
          <Field label={t("clocks.rule.field.trigger")}>
            <select value={trigger} onChange={(event) => setTrigger(event.target.value as Trigger)}>
              {TRIGGERS.map((one) => (
                <option key={one} value={one}>
                  {t(`clocks.trigger.${one}`)}
                </option>
              ))}
            </select>
          </Field>
          {calendar ? (
            (["day", "period_from", "period_to"] as const).map((key) => text(key, 5, { required: true, pattern: MONTH_DAY, placeholder: "12-20" }))
          ) : (
            <>
              <Field label={t("clocks.rule.field.starts")}>
                <select value={from} onChange={(event) => setStarts(event.target.value as Starts)}>
                  {offered.map((one) => (
                    <option key={one} value={one}>
                      {t(`clocks.rule.starts.${one}`)}
                    </option>
                  ))}
                </select>
              </Field>
              {text("hours", 8, { type: "number", required: true, min: 0, max: 8784, step: "any" })}
              {repeats && text("again", 8, { type: "number", min: 1, max: 8784, step: "any" })}
            </>
          )}
        </div>
        <div className="rule-row">
          {text("valid_from", 10, { type: "date", required: true })}
          {text("valid_to", 10, { type: "date" })}
          <Field label={t("clocks.rule.field.form")}>
            <select value={form} onChange={(event) => setForm(event.target.value)}>
              <option value="">{t("clocks.rule.noForm")}</option>
              {(forms.data?.items ?? [])
                .filter((one) => (one.of === "year") === calendar)
                .map((one) => (
                  <option key={one.id} value={one.id}>
                    {pick(one.name)}
                  </option>
                ))}
            </select>
          </Field>
        </div>
        <Field label={t("clocks.rule.field.recipients")}>
          <textarea rows={2} maxLength={4000} value={said.recipients} onChange={set("recipients")} />
        </Field>
        {text("source", 500)}
        {text("verified_by", 200)}
        {text("note", 500)}
        {save.isError && <Trouble error={save.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={save.isPending}>
            {t("clocks.save")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  );
}
