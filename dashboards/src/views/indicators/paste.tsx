// Paste a list or choose a file, see what is new, known, refused and asked about, then take it in. What a warning list
// asks about is taken only where somebody ticks it; what it refuses cannot be ticked.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { post } from "../../api/client";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { AgencyField, useOwnAgency } from "../../parts/agency";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { useLoose } from "../../parts/history";
import { Trouble } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { textOf } from "./read";
import { type PlanLine, type Preview, STATES, TLPS, useSources } from "./types";
import "./indicators.css";

const LIMIT_CHARACTERS = 3_000_000;
const TONES = { new: "ok", known: "plain", elsewhere: "plain", asked: "warn", refused: "bad", wrong: "bad", ended: "plain", passed: "plain" } as const;
const TAKEN = ["new", "known", "elsewhere"] as const;
const TOLD = 200; // lines of each sort that the server tells

type Form = { content: string; name: string; tlp: string; confidence: number | null; days: number; replace: boolean; agency: string };

export function PasteDialog({ onClose }: { onClose: () => void }) {
  const { t, pick, language } = useWords();
  const client = useQueryClient();
  const own = useOwnAgency();
  const { me } = useSession();
  const loose = useLoose();
  const everywhere = me.grants.some((grant) => grant.agency === null);
  const [form, setForm] = useState<Form>({ content: "", name: "", tlp: "amber", confidence: null, days: 365, replace: false, agency: own });
  const [yes, setYes] = useState<ReadonlySet<string>>(new Set());
  const [tooLong, setTooLong] = useState(false);
  const nameHint = useId();
  const send = useMutation({
    mutationFn: (to: "preview" | "import") => post<Preview>(`/indicators/${to}`, { ...form, name: form.name.trim(), yes: [...yes] }),
    onSuccess: (plan) => {
      if (!plan.applied) return;
      void client.invalidateQueries({ queryKey: ["indicators"] });
      toast(t("indicators.paste.done", { count: taken(plan) }));
      onClose();
    },
  });
  const plan = send.data;
  // Another text, another agency: what was previewed no longer says what would happen.
  const change = (part: Partial<Form>) => {
    setForm({ ...form, ...part });
    if ("content" in part || "agency" in part || "days" in part) {
      send.reset();
      setYes(new Set());
    }
  };
  const choose = async (file: File | undefined) => {
    if (!file) return;
    setTooLong(file.size > LIMIT_CHARACTERS);
    if (file.size <= LIMIT_CHARACTERS) change({ content: textOf(await file.arrayBuffer()), name: form.name || file.name.replace(/\.[^.]*$/, "") });
  };
  const tick = (key: string) => {
    const next = new Set(yes);
    if (!next.delete(key)) next.add(key);
    setYes(next);
  };
  const writes = plan ? taken(plan) + yes.size : 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (form.content.trim()) send.mutate(plan && form.name.trim() && writes ? "import" : "preview");
  };
  return (
    <Dialog title={t("indicators.paste.title")} onClose={onClose} wide>
      <form className="indicator-paste" onSubmit={submit}>
        <p className="muted">{t("indicators.paste.how")}</p>
        <label className="field">
          <span>{t("indicators.paste.content")}</span>
          <textarea rows={plan ? 4 : 10} value={form.content} spellCheck={false} autoComplete="off" maxLength={LIMIT_CHARACTERS} onChange={(event) => change({ content: event.target.value })} />
        </label>
        <div className="row-of-fields">
          <label className="field">
            <span>{t("indicators.paste.file")}</span>
            <input type="file" accept=".txt,.csv,.tsv,.json,.stix" onChange={(event) => void choose(event.target.files?.[0])} />
          </label>
          <label className="field">
            <span>{t("indicators.paste.name")}</span>
            <input value={form.name} maxLength={128} aria-describedby={nameHint} onChange={(event) => change({ name: event.target.value })} />
            <small id={nameHint} className="muted">
              {t("indicators.paste.nameHint")}
            </small>
          </label>
          {form.agency === "" ? (
            <label className="field">
              <span>{t("column.agency")}</span>
              <input readOnly value={t("indicators.forAll")} />
            </label>
          ) : (
            <AgencyField label={t("column.agency")} value={form.agency} onChange={(agency) => change({ agency })} />
          )}
          <label className="field">
            <span>{t("indicators.tlp")}</span>
            <select value={form.tlp} onChange={(event) => change({ tlp: event.target.value })}>
              {TLPS.map((tlp) => (
                <option key={tlp} value={tlp}>
                  {`TLP:${tlp.toUpperCase()}`}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("indicators.paste.confidence")}</span>
            <input type="number" min={0} max={100} value={form.confidence ?? ""} onChange={(event) => change({ confidence: event.target.value === "" ? null : Number(event.target.value) })} />
          </label>
          <label className="field">
            <span>{t("indicators.paste.days")}</span>
            <input type="number" min={1} max={3650} value={form.days} onChange={(event) => change({ days: Number(event.target.value) || 365 })} />
          </label>
        </div>
        {everywhere && (
          <label className="check">
            <input type="checkbox" checked={form.agency === ""} onChange={(event) => change({ agency: event.target.checked ? "" : own })} /> {t("indicators.paste.forAll")}
          </label>
        )}
        <label className="check">
          <input type="checkbox" checked={form.replace} onChange={(event) => change({ replace: event.target.checked })} /> {t("indicators.paste.replace")}
        </label>
        <div aria-live="polite">
          {tooLong && <p className="trouble">{t("indicators.paste.tooLong")}</p>}
          {send.isPending && <p className="muted">{t("indicators.paste.reading")}</p>}
          {send.isError && <Trouble error={send.error} />}
          {plan?.stopped && (
            <p className="trouble" role="alert">
              {pick(plan.stopped)}
            </p>
          )}
          {plan && (
            <p className="sums">
              <span className="muted">{t("indicators.paste.readAs", { format: loose("indicators.format", plan.format) })}</span>
              {STATES.filter((state) => (plan.counts[state] ?? 0) > 0).map((state) => (
                <Tag key={state} tone={TONES[state]} title={t(`indicators.stateWhy.${state}`)}>
                  {t(`indicators.state.${state}`)} <span className="figures">{count(plan.counts[state] ?? 0, language)}</span>
                </Tag>
              ))}
            </p>
          )}
          {plan && writes === 0 && <p>{t("indicators.paste.nothing")}</p>}
          {plan && writes > 0 && !form.name.trim() && <p>{t("indicators.paste.needsName")}</p>}
        </div>
        {plan && plan.lines.length > 0 && <Lines lines={plan.lines} yes={yes} onTick={tick} />}
        {plan && STATES.some((state) => (plan.counts[state] ?? 0) > TOLD) && <p className="muted">{t("indicators.paste.more", { count: TOLD })}</p>}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton disabled={!form.content.trim() || send.isPending} onClick={() => send.mutate("preview")}>
            {t("indicators.paste.preview")}
          </ActButton>
          <ActButton tone="main" disabled={!plan || !form.name.trim() || writes === 0 || send.isPending} onClick={() => send.mutate("import")}>
            {t("indicators.paste.apply", { count: writes })}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

/** What somebody must look at comes first; what is simply new or known last. */
function Lines({ lines, yes, onTick }: { lines: readonly PlanLine[]; yes: ReadonlySet<string>; onTick: (key: string) => void }) {
  const { t, pick } = useWords();
  const kinds = useSources().data?.kinds;
  const order: readonly string[] = ["asked", "refused", "wrong", "passed", "ended", "elsewhere", "new", "known"];
  const sorted = [...lines].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.line - b.line);
  return (
    <div className="lines" tabIndex={0} role="region" aria-label={t("indicators.paste.lines")}>
      <Table>
        <thead>
          <tr>
            <th scope="col">{t("indicators.paste.line")}</th>
            <th scope="col">{t("column.status")}</th>
            <th scope="col">{t("indicators.value")}</th>
            <th scope="col">{t("column.kind")}</th>
            <th scope="col">{t("indicators.paste.why")}</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((line, index) => (
            <tr key={index}>
              <td className="figures">{line.line || ""}</td>
              <td>
                <Tag tone={TONES[line.state]}>{t(`indicators.state.${line.state}`)}</Tag>
                {line.state === "asked" && (
                  <label className="check">
                    <input type="checkbox" checked={yes.has(line.key)} onChange={() => onTick(line.key)} /> {t("indicators.paste.take")}
                  </label>
                )}
              </td>
              <td>
                <Text mono>{line.value}</Text>
              </td>
              <td>{pick(kinds?.[line.kind])}</td>
              <td>
                <Text>{pick(line.reason)}</Text>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}

function taken(plan: Preview): number {
  return TAKEN.reduce((sum, state) => sum + (plan.counts[state] ?? 0), 0);
}
