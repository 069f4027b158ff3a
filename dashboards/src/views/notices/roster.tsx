// The duty roster: a week as seven columns, who is on duty when, gaps shown, a mark at now; shifts and covers are made here.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, get, post } from "../../api/client";
import { useSession } from "../../app/session";
import { clockOf, dateOf, fromWall } from "../../app/time";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { AgencyField, useOwnAgency } from "../../parts/agency";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { Ask, Trouble, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { clock, type Holidays, minutes, type People, type Team, type Week } from "./types";

type Listed<T> = { items: T[]; total: number };
const DAY_MS = 86_400_000;
const WEEKDAYS = ["0", "1", "2", "3", "4", "5", "6"] as const;
const plus = (day: string, days: number) => new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
const midnight = (day: string) => Date.parse(`${day}T00:00:00+07:00`);
const COLOURS = 6;

function TeamEditor({ team, onClose }: { team: Team | null; onClose: () => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const client = useQueryClient();
  const people = useQuery({ queryKey: ["notices", "people"], queryFn: ({ signal }) => get<People>("/notices/people", {}, signal) });
  const save = useMutation({
    mutationFn: (body: object) => (team ? call("PUT", `/duty/teams/${team.id}`, { body, revision: team.revision }) : post("/duty/teams", body)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["notices"] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({ agency: String(form.get("agency")), name: String(form.get("name")), lead_id: Number(form.get("lead")), members: form.getAll("members").map(Number) });
  };
  return (
    <Dialog title={team ? t("roster.changeTeam") : t("roster.addTeam")} onClose={onClose} wide>
      {people.data && (
        <form className="notice-form" onSubmit={submit}>
          <label className="field">
            <span>{t("roster.name")}</span>
            <input name="name" required maxLength={128} autoFocus defaultValue={team?.name ?? ""} />
          </label>
          <AgencyField label={t("channel.agency")} name="agency" value={team?.agency} fixed={team !== null} />
          <label className="field">
            <span>{t("roster.lead")}</span>
            <select name="lead" required defaultValue={team?.lead.id ?? me.user.id}>
              {people.data.items.map((person) => (
                <option key={person.id} value={person.id}>
                  {person.name}
                </option>
              ))}
            </select>
          </label>
          <fieldset className="notice-wide notice-checks">
            <legend>{t("roster.members")}</legend>
            {people.data.items.map((person) => (
              <label key={person.id} className="check">
                <input type="checkbox" name="members" value={person.id} defaultChecked={team?.members.some((member) => member.id === person.id) ?? false} /> <Text>{person.name}</Text>
              </label>
            ))}
          </fieldset>
          {save.isError && <Trouble error={save.error} />}
          <footer className="dialog-foot notice-wide">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
            <ActButton type="submit" tone="main" disabled={save.isPending}>
              {t("notices.save")}
            </ActButton>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

/** A weekly shift, or (`dated`) who stands in on one day. */
function ShiftEditor({ team, dated, day, onClose }: { team: Team; dated: boolean; day: string; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (body: object) => post(`/duty/teams/${team.id}/${dated ? "covers" : "shifts"}`, body),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["notices"] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [from, until, user] = [minutes(String(form.get("from"))), minutes(String(form.get("until"))), String(form.get("user"))];
    if (!dated) return save.mutate({ user_id: Number(user), weekdays: form.getAll("days").map(Number), from_min: from, until_min: until });
    const [year = 0, month = 1, date = 1] = String(form.get("day")).split("-").map(Number);
    const start = Date.parse(fromWall(year, month, date, 0));
    const at = (minute: number) => new Date(start + minute * 60_000).toISOString();
    save.mutate({ user_id: user ? Number(user) : null, start: at(from), end: at(until > from ? until : until + 1440) });
  };
  const everybody = [team.lead, ...team.members.filter((member) => member.id !== team.lead.id)];
  return (
    <Dialog title={dated ? t("roster.addCover") : t("roster.addShift")} onClose={onClose}>
      <form className="notice-form" onSubmit={submit}>
        <label className="field notice-wide">
          <span>{t("roster.person")}</span>
          <select name="user" autoFocus>
            {everybody.map((person) => (
              <option key={person.id} value={person.id}>
                {person.name}
              </option>
            ))}
            {dated && <option value="">{t("roster.nobody")}</option>}
          </select>
        </label>
        {dated ? (
          <label className="field notice-wide">
            <span>{t("roster.day")}</span>
            <input name="day" type="date" required defaultValue={day} />
          </label>
        ) : (
          <fieldset className="notice-wide notice-checks">
            <legend>{t("roster.days")}</legend>
            {WEEKDAYS.map((name) => (
              <label key={name} className="check">
                <input type="checkbox" name="days" value={name} defaultChecked={Number(name) < 5} /> {t(`roster.weekday.${name}`)}
              </label>
            ))}
          </fieldset>
        )}
        <label className="field">
          <span>{t("roster.from")}</span>
          <input name="from" type="time" required defaultValue="08:00" />
        </label>
        <label className="field">
          <span>{t("roster.until")}</span>
          <input name="until" type="time" required defaultValue="17:00" />
        </label>
        {save.isError && <Trouble error={save.error} />}
        <footer className="dialog-foot notice-wide">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={save.isPending}>
            {t("notices.save")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

/** Seven columns of 24 hours; each block a link in words, its place by SVG attributes (no inline style). */
function Grid({ week }: { week: Week }) {
  const { t } = useWords();
  const days = Array.from({ length: week.days }, (_, index) => plus(week.start, index));
  const now = Date.parse(week.now);
  return (
    <ol className="roster-grid">
      {days.map((day, index) => {
        const start = midnight(day);
        const inside = week.spans
          .map((span) => ({ span, from: Math.max(Date.parse(span.start), start), to: Math.min(Date.parse(span.end), start + DAY_MS) }))
          .filter(({ from, to }) => to > from);
        const today = now >= start && now < start + DAY_MS;
        return (
          <li key={day} className={today ? "roster-day roster-today" : "roster-day"} aria-current={today ? "date" : undefined}>
            <h3>
              {t(`roster.weekday.${WEEKDAYS[index % 7] ?? "0"}`)} <span className="figures muted">{dateOf(`${day}T05:00:00Z`).slice(0, 5)}</span>
            </h3>
            <svg className="roster-bar" viewBox="0 0 1440 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
              {inside.map(({ span, from, to }) => (
                <rect key={from} className={span.person ? `duty-${span.person.id % COLOURS}` : "duty-gap"} x={(from - start) / 60_000} width={(to - from) / 60_000} y="0" height="10" />
              ))}
              {today && <rect className="duty-now" x={(now - start) / 60_000 - 5} width="10" y="0" height="10" />}
            </svg>
            <ul>
              {inside.map(({ span, from, to }) => (
                <li key={from} className={span.person ? (today && now >= from && now < to ? "roster-here" : "") : "roster-gap"}>
                  <span className="figures">
                    {clockOf(new Date(from).toISOString(), false)}–{to === start + DAY_MS ? "24:00" : clockOf(new Date(to).toISOString(), false)}
                  </span>{" "}
                  {span.person ? <Text>{span.person.name}</Text> : t("roster.gap")} {span.cover_id && <small className="muted">({t("roster.cover")})</small>}
                </li>
              ))}
            </ul>
          </li>
        );
      })}
    </ol>
  );
}

function HolidayList({ manage }: { manage: boolean }) {
  const { t } = useWords();
  const own = useOwnAgency();
  const client = useQueryClient();
  const explain = useExplain();
  const query = useQuery({ queryKey: ["notices", "holidays"], queryFn: ({ signal }) => get<Holidays>("/duty/holidays", {}, signal) });
  const act = useMutation({
    mutationFn: (what: { remove: number } | { day: string; name: string; agency: string }) => ("remove" in what ? call("DELETE", `/duty/holidays/${what.remove}`) : post("/duty/holidays", what)),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["notices", "holidays"] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    act.mutate({ day: String(form.get("day")), name: String(form.get("name")), agency: own });
    event.currentTarget.reset();
  };
  return (
    <Ask query={query} rows={2}>
      {(list) => (
        <section className="panel notice-card">
          <h2>{t("roster.holidays")}</h2>
          <p className="muted">{t("roster.holidayWhy", { fixed: Object.entries(list.fixed).map(([day, name]) => `${name} (${day.slice(3)}/${day.slice(0, 2)})`).join(", ") })}</p>
          <ul className="lines">
            {list.items.map((row) => (
              <li key={row.id}>
                <span className="figures">{dateOf(`${row.day}T05:00:00Z`)}</span> <Text>{row.name}</Text>{" "}
                {manage && (
                  <ActButton tone="quiet" onClick={() => act.mutate({ remove: row.id })}>
                    {t("notices.remove")}
                  </ActButton>
                )}
              </li>
            ))}
          </ul>
          {manage && (
            <form className="notice-acts" onSubmit={submit}>
              <input name="day" type="date" required aria-label={t("roster.day")} />
              <input name="name" required maxLength={128} aria-label={t("roster.holidayName")} placeholder={t("roster.holidayName")} />
              <button type="submit" className="button">
                {t("roster.addHoliday")}
              </button>
            </form>
          )}
        </section>
      )}
    </Ask>
  );
}

function TeamWeek({ team, manage }: { team: Team; manage: boolean }) {
  const { t } = useWords();
  const client = useQueryClient();
  const explain = useExplain();
  const [start, setStart] = useState("");
  const [editing, setEditing] = useState<"shift" | "cover" | "team" | null>(null);
  const query = useQuery({
    queryKey: ["notices", "week", team.id, start],
    queryFn: ({ signal }) => get<Week>(`/duty/teams/${team.id}/week`, { start }, signal),
    refetchInterval: 60_000,
  });
  const drop = useMutation({
    mutationFn: (path: string) => (path.includes("covers") ? post(`/duty/teams/${team.id}/${path}`) : call("DELETE", `/duty/teams/${team.id}/${path}`)),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["notices"] }),
  });
  return (
    <section className="panel notice-card">
      <header>
        <h2>
          <Text>{team.name}</Text>
        </h2>
        <p>
          {t("roster.now")}: <strong>{team.now ? <Text>{team.now.name}</Text> : t("roster.nobody")}</strong> <span className="muted">· {t("roster.lead")}: <Text>{team.lead.name}</Text></span>
        </p>
      </header>
      <Ask query={query} rows={4}>
        {(week) => (
          <>
            <div className="notice-acts">
              <ActButton onClick={() => setStart(plus(week.start, -7))}>{t("roster.previous")}</ActButton>
              <ActButton onClick={() => setStart("")}>{t("roster.today")}</ActButton>
              <ActButton onClick={() => setStart(plus(week.start, 7))}>{t("roster.next")}</ActButton>
              <span className="spread" />
              {manage && (
                <>
                  <ActButton onClick={() => setEditing("cover")}>{t("roster.addCover")}</ActButton>
                  <ActButton onClick={() => setEditing("shift")}>{t("roster.addShift")}</ActButton>
                  <ActButton onClick={() => setEditing("team")}>{t("roster.changeTeam")}</ActButton>
                </>
              )}
            </div>
            <p className={week.gap_hours > 0 ? "notice-hint" : "muted"}>{week.gap_hours > 0 ? t("roster.gapHours", { hours: week.gap_hours }) : t("roster.full")}</p>
            <Grid week={week} />
            <details className="roster-lines">
              <summary>
                {t("roster.shifts")} · {t("roster.covers")}
              </summary>
              {week.shifts.length === 0 && <p className="muted">{t("roster.noShifts")}</p>}
              <ul className="lines">
                {week.shifts.map((shift) => (
                  <li key={shift.id}>
                    {t(`roster.weekday.${String(shift.weekday) as "0"}`)}{" "}
                    <span className="figures">
                      {clock(shift.from_min)}–{clock(shift.until_min)}
                    </span>{" "}
                    <Text>{shift.person.name}</Text>{" "}
                    {manage && (
                      <ActButton tone="quiet" onClick={() => drop.mutate(`shifts/${shift.id}`)}>
                        {t("notices.remove")}
                      </ActButton>
                    )}
                  </li>
                ))}
                {week.covers.map((cover) => (
                  <li key={`c${cover.id}`}>
                    <Time at={cover.start} /> – <Time at={cover.end} /> {cover.state === "asked" ? t("roster.waitingFor", { name: cover.person?.name ?? "" }) : cover.person ? <Text>{cover.person.name}</Text> : t("roster.gap")}{" "}
                    {manage && (
                      <ActButton tone="quiet" onClick={() => drop.mutate(`covers/${cover.id}/withdraw`)}>
                        {t("notices.remove")}
                      </ActButton>
                    )}
                  </li>
                ))}
              </ul>
            </details>
            {team.handover && (
              <p>
                <span className="muted">{t("roster.handover")}:</span> <Text>{team.handover.by}</Text> · <Time at={team.handover.at} /> · <Text>{team.handover.text}</Text>
              </p>
            )}
            {(editing === "shift" || editing === "cover") && <ShiftEditor team={team} dated={editing === "cover"} day={week.start} onClose={() => setEditing(null)} />}
            {editing === "team" && <TeamEditor team={team} onClose={() => setEditing(null)} />}
          </>
        )}
      </Ask>
    </section>
  );
}

export function Roster() {
  const { t } = useWords();
  const { can } = useSession();
  const [adding, setAdding] = useState(false);
  const query = useQuery({ queryKey: ["notices", "teams"], queryFn: ({ signal }) => get<Listed<Team>>("/duty/teams", {}, signal), refetchInterval: 60_000 });
  const manage = can("notices.manage");
  const add = manage && (
    <ActButton tone="main" onClick={() => setAdding(true)}>
      {t("roster.addTeam")}
    </ActButton>
  );
  return (
    <Ask query={query} rows={4}>
      {(list) => (
        <div className="notice-body">
          {list.items.length === 0 ? (
            <Empty kind="nothing" title={t("roster.empty")} action={add || undefined}>
              {t("roster.emptyWhy")}
            </Empty>
          ) : (
            <>
              {add && <div className="notice-acts">{add}</div>}
              {list.items.map((team) => (
                <TeamWeek key={team.id} team={team} manage={manage} />
              ))}
              <HolidayList manage={manage} />
            </>
          )}
          {adding && <TeamEditor team={null} onClose={() => setAdding(false)} />}
        </div>
      )}
    </Ask>
  );
}
