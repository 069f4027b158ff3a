// An exception from an alert, in one step: what tells its events apart, why, until when, and what the last 30 days say of
// it while it is being put together. Saved only as it was tested, and with its warnings read.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { call, get, post } from "../../api/client";
import type { Alert, ExceptionPreview, ExceptionProposal, RuleException } from "../../api/types";
import { useAgencyName } from "../../app/names";
import { count } from "../../app/text";
import { dateOf } from "../../app/time";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { useLoose } from "../../parts/history";
import { Loading, Trouble, useExplain } from "../../parts/panel";
import { LEVELS, Severity } from "../../parts/severity";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import "./except.css";

type Condition = ExceptionProposal["conditions"][number]["condition"];
const DAYS = [7, 30, 90, 180, 365] as const;
const DAY_MS = 86_400_000;
const SETTLE_MS = 400; // after the last change of a check box
const HOSTS = 3;

/** The value, but only when it has stayed the same for a moment. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), SETTLE_MS);
    return () => window.clearTimeout(timer);
  }, [value]);
  return settled;
}

export function ConditionLine({ condition }: { condition: Condition }) {
  const loose = useLoose();
  return (
    <span className="except-condition">
      <span title={condition.field}>{loose("entity", condition.field.replaceAll(".", "_"), condition.field)}</span>{" "}
      <span className="muted">{loose("exceptionOp", condition.op ?? "is")}</span>{" "}
      {condition.values.map((value, index) => (
        <span key={value} className="figures">
          {index > 0 && ", "}
          <Text mono>{value}</Text>
        </span>
      ))}
    </span>
  );
}

function Preview({ found, fresh }: { found: ExceptionPreview; fresh: boolean }) {
  const { t, pick, language } = useWords();
  const loose = useLoose();
  const number = (value: number) => count(value, language);
  const high = (found.by_level.high ?? 0) + (found.by_level.critical ?? 0);
  return (
    <div className={fresh ? "except-preview" : "except-preview except-stale"}>
      <p className="except-would" role="status">
        {t("exceptions.would", { days: found.days, alerts: number(found.alerts), high: number(high) })}
      </p>
      <p className="muted">{t("exceptions.wouldHits", { hits: number(found.hits), before: number(found.hits_before), events: number(found.events_read) })}</p>
      {found.alerts > 0 && (
        <p>
          {LEVELS.filter((level) => (found.by_level[level] ?? 0) > 0).map((level) => (
            <span key={level} className="except-level">
              <Severity level={level} /> <span className="figures">{number(found.by_level[level] ?? 0)}</span>
            </span>
          ))}
        </p>
      )}
      {found.by_host.length > 0 && (
        <p>
          {t("exceptions.hosts")}:{" "}
          {found.by_host.slice(0, HOSTS).map((host, index) => (
            <span key={host.value}>
              {index > 0 && ", "}
              <Text mono>{host.value}</Text> <span className="muted figures">{number(host.count)}</span>
            </span>
          ))}
          {found.hosts > HOSTS && ` ${t("exceptions.moreHosts", { count: found.hosts - HOSTS })}`}
        </p>
      )}
      {found.readers.length > 0 && (
        <>
          <h3>{t("exceptions.readers")}</h3>
          <ul className="lines">
            {found.readers.map((reader) => (
              <li key={reader.id}>
                <Text>{pick(reader.title)}</Text> <span className="muted">{t("exceptions.readerFrom", { before: number(reader.hits_before), after: number(reader.hits_after) })}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {found.warnings.length > 0 && (
        <>
          <h3>{t("exceptions.warnings")}</h3>
          <ul className="except-warnings">
            {found.warnings.map((code) => (
              <li key={code}>
                <Tag tone={code === "hides_high" ? "bad" : "warn"}>▲</Tag> {loose("exceptionWarning", code)}
              </li>
            ))}
          </ul>
        </>
      )}
      {found.partial && (
        <p className="muted">
          <Text>{found.partial}</Text>
        </p>
      )}
      {found.sample.length > 0 && (
        <details>
          <summary>{t("exceptions.sample")}</summary>
          <ul className="lines">
            {found.sample.map((hit) => (
              <li key={`${hit.at} ${hit.rule_id} ${hit.event_ids[0] ?? ""}`}>
                <Time at={hit.at} /> <Text>{pick(hit.reason)}</Text>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

export function ExceptDialog({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const { t, pick } = useWords();
  const agencyName = useAgencyName();
  const path = `/alerts/${encodeURIComponent(alert.id)}/exception`;
  const query = useQuery({ queryKey: ["alert", alert.id, "exception"], queryFn: ({ signal }) => get<ExceptionProposal>(path, {}, signal), staleTime: 0, refetchOnWindowFocus: false });
  const found = query.data;
  return (
    <Dialog title={t("exceptions.dialog")} onClose={onClose} wide>
      <p className="dialog-subject">
        <span className="figures">{alert.id}</span> <Text>{pick(alert.title)}</Text>
      </p>
      {query.isError ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : !found ? (
        <Loading rows={6} />
      ) : found.impossible ? (
        <>
          <p role="status">{pick(found.impossible)}</p>
          <footer className="dialog-foot">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          </footer>
        </>
      ) : (
        <>
          <p>{t("exceptions.what", { agency: agencyName(found.agency) })}</p>
          <p>
            {t("exceptions.rules")}:{" "}
            {found.rules.map((rule, index) => (
              <span key={rule.id}>
                {index > 0 && "; "}
                <Text>{pick(rule.title)}</Text>
              </span>
            ))}
          </p>
          <Draft proposal={found} onClose={onClose} />
        </>
      )}
    </Dialog>
  );
}

function Draft({ proposal, onClose }: { proposal: ExceptionProposal; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const explain = useExplain();
  const [opened] = useState(() => Date.now());
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => new Set(proposal.conditions.filter((one) => one.chosen).map((one) => one.condition.field)));
  const [reason, setReason] = useState("");
  const [days, setDays] = useState<(typeof DAYS)[number]>(90);
  const [accepted, setAccepted] = useState(false);
  const [closeOpen, setCloseOpen] = useState(false);
  const conditions = useMemo(() => proposal.conditions.map((one) => one.condition).filter((one) => chosen.has(one.field)), [proposal, chosen]);
  const settled = useSettled(conditions);
  const trial = useQuery({
    queryKey: ["exception-preview", proposal.alert_id, settled],
    queryFn: ({ signal }) => call<ExceptionPreview>("POST", "/exceptions/preview", { body: { alert_id: proposal.alert_id, conditions: settled }, signal }),
    enabled: settled.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const fresh = settled === conditions && !trial.isPlaceholderData && !trial.isFetching && trial.isSuccess;
  const said = trial.data;
  const notes = said?.must_accept ?? [];
  const until = new Date(Math.min(opened + days * DAY_MS, Date.parse(proposal.until_last))).toISOString();
  const save = useMutation({
    mutationFn: () =>
      post<RuleException>("/exceptions", { alert_id: proposal.alert_id, conditions, reason: reason.trim(), until, accepted: notes, close_open: closeOpen }),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["exceptions"] });
      toast(made.closed_alerts ? t("exceptions.savedClosed", { id: made.id, count: made.closed_alerts }) : t("exceptions.saved", { id: made.id }));
      onClose();
    },
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const ready = fresh && conditions.length > 0 && reason.trim() !== "" && proposal.may_save && (notes.length === 0 || accepted) && !save.isPending;
  const flip = (field: string) => {
    const next = new Set(chosen);
    if (!next.delete(field)) next.add(field);
    setChosen(next);
    setAccepted(false); // what was read was said of another exception
    setCloseOpen(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <fieldset className="except-conditions">
        <legend>{t("exceptions.conditions")}</legend>
        {proposal.conditions.length === 0 && <p className="muted">{t("exceptions.noConditions")}</p>}
        {proposal.conditions.map(({ condition, attacker_chosen }, index) => (
          <label key={condition.field} className="except-check">
            <input type="checkbox" autoFocus={index === 0} checked={chosen.has(condition.field)} onChange={() => flip(condition.field)} />
            <ConditionLine condition={condition} />
            {attacker_chosen && (
              <Tag tone="warn" title={t("exceptions.writtenWhy")}>
                {t("exceptions.written")}
              </Tag>
            )}
          </label>
        ))}
      </fieldset>
      <div aria-busy={!fresh}>
        {conditions.length === 0 ? (
          <p className="muted">{t("exceptions.chooseOne")}</p>
        ) : trial.isError ? (
          <Trouble error={trial.error} retry={() => void trial.refetch()} />
        ) : said ? (
          <Preview found={said} fresh={fresh} />
        ) : (
          <p className="muted">{t("exceptions.asking", { days: 30 })}</p>
        )}
      </div>
      <label className="field">
        <span>{t("exceptions.reason")}</span>
        <textarea rows={2} required maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
      <label className="field">
        <span>{t("exceptions.until")}</span>
        <select value={days} onChange={(event) => setDays(DAYS.find((one) => String(one) === event.target.value) ?? 90)}>
          {DAYS.map((one) => (
            <option key={one} value={one}>
              {t("exceptions.forDays", { count: one })}
            </option>
          ))}
        </select>
        <span className="muted except-day">{t("exceptions.endsOn", { day: dateOf(until) })}</span>
      </label>
      {fresh && said && said.open_alerts > 0 && (
        <label className="check">
          <input type="checkbox" checked={closeOpen} onChange={(event) => setCloseOpen(event.target.checked)} /> {t("exceptions.closeOpen", { count: said.open_alerts })}
        </label>
      )}
      {fresh && notes.length > 0 && (
        <label className="check">
          <input type="checkbox" checked={accepted} onChange={(event) => setAccepted(event.target.checked)} /> {t("exceptions.accept")}
        </label>
      )}
      {!proposal.may_save && <p role="status">{t("exceptions.leadOnly")}</p>}
      <footer className="dialog-foot">
        <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
        <ActButton type="submit" tone="main" disabled={!ready}>
          {t("exceptions.save")}
        </ActButton>
      </footer>
    </form>
  );
}
