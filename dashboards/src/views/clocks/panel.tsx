// On the incident's page: its deadlines, the assessment that sets them off, and the papers that meet them.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import type { Both } from "../../api/types";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Ask, Panel, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { NoteDialog } from "../alerts/dialogs";
import { ClockState, Countdown, Gone, Source, useNow } from "./countdown";
import { HandOver } from "./handover";
import { Papers } from "./papers";
import { type CasePapers, type Clock, FLAGS, type Flag, type Forms, type IncidentClocks } from "./types";
import { moment, wall } from "./wall";
import "./clocks.css";

export function IncidentDeadlines({ id }: { id: string }) {
  const { t } = useWords();
  const path = `/incidents/${encodeURIComponent(id)}`;
  const clocks = useQuery({ queryKey: ["incident", id, "clocks"], queryFn: ({ signal }) => get<IncidentClocks>(`${path}/clocks`, {}, signal) });
  const papers = useQuery({ queryKey: ["incident", id, "papers"], queryFn: ({ signal }) => get<CasePapers>(`${path}/documents`, {}, signal) });
  return (
    <>
      <Panel title={t("clocks.panel")}>
        <Ask query={clocks} rows={3}>
          {(found) => <Deadlines found={found} path={path} />}
        </Ask>
      </Panel>
      <Panel title={t("clocks.papers.title")}>
        <Ask query={papers} rows={2}>
          {(found) => <CaseDocuments found={found} path={path} clocks={clocks.data?.clocks ?? []} />}
        </Ask>
      </Panel>
    </>
  );
}

function useSend() {
  const { t } = useWords();
  const explain = useExplain();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ path, body, revision }: { path: string; body: object; revision?: number }) => post(path, body, revision),
    onSuccess: () => toast(t("clocks.saved")),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => Promise.all(["incident", "clocks"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

function Deadlines({ found, path }: { found: IncidentClocks; path: string }) {
  const { t, pick } = useWords();
  const { can } = useSession();
  const now = useNow();
  const send = useSend();
  const [asking, setAsking] = useState<{ what: "meet" | "void" | "resume"; clock: Clock } | null>(null);
  const [assessing, setAssessing] = useState<readonly Flag[] | null>(null);
  const work = can("incidents.work");
  const flags = FLAGS.filter((flag) => found.assessment[flag]);
  return (
    <>
      <p className="muted">
        {t(`clocks.detected.${found.detected_how}`)} <Time at={found.detected_at} />
      </p>
      <p className="values">
        {flags.map((flag) => (
          <span key={flag} title={found.assessment[flag]?.reason}>
            <Tag tone="warn">▲ {t(`clocks.flag.${flag}`)}</Tag>
          </span>
        ))}
        {flags.length === 0 && <span className="muted">{t("clocks.noFlags")}</span>}
      </p>
      {found.suggested.map(({ flag, reasons }) => (
        <p key={flag} className="suggestion">
          <strong>{t("clocks.suggested", { flag: t(`clocks.flag.${flag}`) })}</strong> {reasons.map((reason) => pick(reason)).join("; ")}.{" "}
          {work && (
            <ActButton tone="quiet" onClick={() => setAssessing([flag])}>
              {t("clocks.weigh")}
            </ActButton>
          )}
        </p>
      ))}
      {work && (
        <p className="acts">
          <ActButton onClick={() => setAssessing([])}>{t("clocks.assess")}</ActButton>
        </p>
      )}
      <ul className="clock-list">
        {found.clocks.map((clock) => (
          <Deadline key={clock.id} clock={clock} now={now} {...(work ? { ask: (what: "meet" | "void" | "resume") => setAsking({ what, clock }) } : {})} />
        ))}
      </ul>
      {assessing && (
        <Assess
          found={found}
          offered={assessing}
          onClose={() => setAssessing(null)}
          onDone={(body) => {
            setAssessing(null);
            send.mutate({ path: `${path}/assessment`, body });
          }}
        />
      )}
      {asking?.what === "meet" && (
        <HandOver
          title={t("clocks.meetTitle")}
          to={false}
          onClose={() => setAsking(null)}
          onDone={({ at, number }) => {
            send.mutate({ path: `/clocks/${asking.clock.id}/meet`, body: { at, number }, revision: asking.clock.revision });
            setAsking(null);
          }}
        />
      )}
      {asking && asking.what !== "meet" && (
        <NoteDialog
          title={t(asking.what === "void" ? "clocks.voidTitle" : "clocks.resumeTitle")}
          label={t("clocks.reason")}
          send={t("act.confirm")}
          onClose={() => setAsking(null)}
          onDone={(reason) => {
            send.mutate({ path: `/clocks/${asking.clock.id}/${asking.what}`, body: { reason }, revision: asking.clock.revision });
            setAsking(null);
          }}
        />
      )}
    </>
  );
}

function Deadline({ clock, now, ask }: { clock: Clock; now: number; ask?: (what: "meet" | "void" | "resume") => void }) {
  const { t, pick } = useWords();
  const running = clock.state === "running" || clock.state === "overdue";
  return (
    <li>
      <p className="clock-head">
        <ClockState clock={clock} now={now} /> <Countdown clock={clock} now={now} />
      </p>
      <p>
        <Text>{pick(clock.text)}</Text>
      </p>
      <Gone clock={clock} now={now} />
      <p>
        {t("clocks.due")} <Time at={clock.due_at} />
        {clock.number && (
          <>
            {" "}
            · <Text>{clock.number}</Text>
          </>
        )}
        {clock.ended_name && (
          <>
            {" "}
            · <Text>{clock.ended_name}</Text>
          </>
        )}
      </p>
      {clock.reason && (
        <p className="muted">
          <Text>{pick(clock.reason)}</Text>
        </p>
      )}
      <p>
        <Source of={clock} />
      </p>
      {ask && (
        <p className="acts">
          {running && (
            <>
              <ActButton onClick={() => ask("meet")}>{t("clocks.meet")}</ActButton>
              <ActButton tone="quiet" onClick={() => ask("void")}>
                {t("clocks.void")}
              </ActButton>
            </>
          )}
          {!running && clock.ended_name && (
            <ActButton tone="quiet" onClick={() => ask("resume")}>
              {t("clocks.resume")}
            </ActButton>
          )}
        </p>
      )}
    </li>
  );
}

function Assess({ found, offered, onClose, onDone }: { found: IncidentClocks; offered: readonly Flag[]; onClose: () => void; onDone: (body: object) => void }) {
  const { t } = useWords();
  const was = Object.fromEntries(FLAGS.map((flag) => [flag, Boolean(found.assessment[flag])])) as Record<Flag, boolean>;
  const [flags, setFlags] = useState({ ...was, ...Object.fromEntries(offered.map((flag) => [flag, true])) });
  const [before] = useState(() => wall(Date.parse(found.detected_at)));
  const [detected, setDetected] = useState(before);
  const corrected = detected !== before ? moment(detected) : null;
  const [reason, setReason] = useState("");
  const changed = Object.fromEntries(FLAGS.filter((flag) => flags[flag] !== was[flag]).map((flag) => [flag, flags[flag]]));
  return (
    <Dialog title={t("clocks.assess")} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onDone({ ...changed, ...(corrected ? { detected_at: corrected } : {}), reason: reason.trim() });
        }}
      >
        <fieldset className="flag-set">
          <legend className="muted">{t("clocks.assessHint")}</legend>
          {FLAGS.map((flag) => (
            <label key={flag} className="check">
              <input type="checkbox" checked={flags[flag]} onChange={(event) => setFlags({ ...flags, [flag]: event.target.checked })} />
              <span>{t(`clocks.flag.${flag}`)}</span>
            </label>
          ))}
        </fieldset>
        <label className="field">
          <span>{t("clocks.detectedAt")}</span>
          <input type="datetime-local" required value={detected} onChange={(event) => setDetected(event.target.value)} />
          <small className="muted">{t("clocks.detectedHint")}</small>
        </label>
        <label className="field">
          <span>{t("clocks.reason")}</span>
          <textarea required rows={3} maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={(Object.keys(changed).length === 0 && !corrected) || !reason.trim()}>
            {t("act.confirm")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

function CaseDocuments({ found, path, clocks }: { found: CasePapers; path: string; clocks: readonly Clock[] }) {
  const { t, pick } = useWords();
  const { can } = useSession();
  const send = useSend();
  const forms = useQuery({ queryKey: ["document-forms"], queryFn: ({ signal }) => get<Forms>("/document-forms", {}, signal), staleTime: Number.POSITIVE_INFINITY });
  const [chosen, setChosen] = useState("report72");
  const [writing, setWriting] = useState(false);
  const offered = (forms.data?.items ?? []).filter((form) => form.of === "incident");
  const form = offered.find((one) => one.id === chosen);
  return (
    <>
      {can("incidents.work") && (
        <>
          <label className="field">
            <span>{t("clocks.papers.form")}</span>
            <select value={chosen} onChange={(event) => setChosen(event.target.value)}>
              {offered.map((one) => (
                <option key={one.id} value={one.id}>
                  {pick(one.name)}
                </option>
              ))}
            </select>
          </label>
          <p className="acts paper-acts">
            <ActButton onClick={() => setWriting(true)} disabled={!form}>
              {t("clocks.papers.write")}
            </ActButton>
            <ActButton tone="main" disabled={!form || send.isPending} onClick={() => send.mutate({ path: `${path}/documents`, body: { form_id: chosen } })}>
              {t("clocks.papers.make")}
            </ActButton>
          </p>
          {found.missing.length > 0 && (
            <p className="muted">
              {t("clocks.papers.missing")} <a href="#/clocks?tab=organisation">{t("clocks.tab.organisation")}</a>
            </p>
          )}
        </>
      )}
      <Papers papers={found.documents} clocks={clocks} />
      {writing && form && forms.data && (
        <Particulars
          fields={form.fields.map((key) => [key, forms.data.fields[key] ?? {}])}
          said={found.particulars}
          onClose={() => setWriting(false)}
          onDone={(body) => {
            setWriting(false);
            send.mutate({ path: `${path}/particulars`, body });
          }}
        />
      )}
    </>
  );
}

type Fields = [string, Both][];

function Particulars({ fields, said, onClose, onDone }: { fields: Fields; said: Record<string, string>; onClose: () => void; onDone: (body: Record<string, string>) => void }) {
  const { t, pick } = useWords();
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(fields.map(([key]) => [key, said[key] ?? ""])));
  return (
    <Dialog title={t("clocks.papers.write")} onClose={onClose} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onDone(texts);
        }}
      >
        <p className="muted">{t("clocks.papers.writeHint")}</p>
        {fields.map(([key, label]) => (
          <label key={key} className="field">
            <span>{pick(label)}</span>
            <textarea rows={2} maxLength={4000} value={texts[key] ?? ""} onChange={(event) => setTexts({ ...texts, [key]: event.target.value })} />
          </label>
        ))}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <button type="submit" className="button button-main">
            {t("clocks.save")}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
