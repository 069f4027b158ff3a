// Who is told of what, as sentences.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, get, post } from "../../api/client";
import { useAgencyName } from "../../app/names";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { AgencyField } from "../../parts/agency";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { Ask, Trouble, useExplain } from "../../parts/panel";
import { type Channels, KINDS, LEVELS, type People, type RouteIn, type RouteRow, type Team } from "./types";

type Listed<T> = { items: T[]; total: number };

function useSentence() {
  const { t } = useWords();
  const agencyName = useAgencyName();
  return (row: RouteRow) => {
    const kinds = row.kinds.length ? row.kinds.map((kind) => t(`notices.kind.${kind}`)).join(", ") : t("routing.everything");
    const what = [t("routing.what", { kinds, level: t(`level.${row.level}`).toLowerCase() }), row.grade ? t("routing.grade", { grade: row.grade }) : ""].filter(Boolean).join(" ");
    const whom = row.channel ? t("routing.toChannel", { name: row.channel }) : row.team ? t("routing.toTeam", { name: row.team }) : t("routing.toPerson", { name: row.person?.name ?? "" });
    const steps = row.steps.length ? t("routing.steps", { steps: row.steps.join(", "), team: row.team ?? row.line_team ?? "" }) : "";
    return { what: `${what}, ${t("routing.below", { agency: agencyName(row.agency) })}, ${t(`routing.hours.${row.hours}`)}`, whom, steps };
  };
}

function Editor({ route, onClose }: { route: RouteRow | null; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const channels = useQuery({ queryKey: ["notices", "channels"], queryFn: ({ signal }) => get<Channels>("/notices/channels", {}, signal) });
  const teams = useQuery({ queryKey: ["notices", "teams"], queryFn: ({ signal }) => get<Listed<Team>>("/duty/teams", {}, signal) });
  const people = useQuery({ queryKey: ["notices", "people"], queryFn: ({ signal }) => get<People>("/notices/people", {}, signal) });
  const save = useMutation({
    mutationFn: (body: RouteIn) => (route ? call("PUT", `/notices/routes/${route.id}`, { body, revision: route.revision }) : post("/notices/routes", body)),
    onSuccess: () => {
      toast(t("notices.saved"));
      void client.invalidateQueries({ queryKey: ["notices"] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [to = "", id = ""] = String(form.get("to")).split(":");
    const number = (name: string) => (form.get(name) ? Number(form.get(name)) : null);
    save.mutate({
      agency: String(form.get("agency")),
      level: form.get("level") as RouteIn["level"],
      grade: number("grade"),
      kinds: form.getAll("kinds") as RouteIn["kinds"],
      hours: form.get("hours") as RouteIn["hours"],
      channel_id: to === "channel" ? Number(id) : null,
      team_id: to === "team" ? Number(id) : null,
      user_id: to === "person" ? Number(id) : null,
      line_team_id: to === "team" ? null : number("line"),
      steps: number("line") || to === "team" ? String(form.get("steps")).split(/[^0-9]+/).filter(Boolean).map(Number).slice(0, 3) : [],
      window_s: Number(form.get("window")) * 60,
      enabled: form.has("enabled"),
      retired: false,
    });
  };
  const ready = channels.data && teams.data && people.data;
  const chosen = route?.channel_id ? `channel:${route.channel_id}` : route?.team_id ? `team:${route.team_id}` : route?.person ? `person:${route.person.id}` : "";
  return (
    <Dialog title={route ? t("routing.change") : t("routing.add")} onClose={onClose} wide>
      {ready && (
        <form onSubmit={submit} className="notice-form">
          <AgencyField label={t("channel.agency")} name="agency" value={route?.agency} />
          <label className="field">
            <span>{t("routing.level")}</span>
            <select name="level" defaultValue={route?.level ?? "high"}>
              {LEVELS.map((level) => (
                <option key={level} value={level}>
                  {t(`level.${level}`)}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("routing.gradeLabel")}</span>
            <select name="grade" defaultValue={route?.grade ?? ""}>
              <option value="">{t("routing.anyGrade")}</option>
              {[1, 2, 3, 4, 5].map((grade) => (
                <option key={grade}>{grade}</option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("routing.hoursLabel")}</span>
            <select name="hours" defaultValue={route?.hours ?? "any"}>
              {(["any", "office", "off"] as const).map((hours) => (
                <option key={hours} value={hours}>
                  {t(`routing.hours.${hours}`)}
                </option>
              ))}
            </select>
          </label>
          <fieldset className="notice-wide notice-checks">
            <legend>{t("routing.kinds")}</legend>
            {KINDS.map((kind) => (
              <label key={kind} className="check">
                <input type="checkbox" name="kinds" value={kind} defaultChecked={route?.kinds.includes(kind) ?? false} /> {t(`notices.kind.${kind}`)}
              </label>
            ))}
          </fieldset>
          <label className="field">
            <span>{t("routing.to")}</span>
            <select name="to" required defaultValue={chosen}>
              <option value="">{t("routing.choose")}</option>
              {teams.data.items.map((team) => (
                <option key={`t${team.id}`} value={`team:${team.id}`}>
                  {t("routing.toTeam", { name: team.name })}
                </option>
              ))}
              {channels.data.items.map((channel) => (
                <option key={`c${channel.id}`} value={`channel:${channel.id}`}>
                  {t("routing.toChannel", { name: channel.name })}
                </option>
              ))}
              {people.data.items.map((person) => (
                <option key={`p${person.id}`} value={`person:${person.id}`}>
                  {person.name}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("routing.line")}</span>
            <select name="line" defaultValue={route?.line_team_id ?? route?.team_id ?? ""}>
              <option value="">{t("routing.noLine")}</option>
              {teams.data.items.map((team) => (
                <option key={team.id} value={team.id}>
                  {team.name}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("routing.stepsLabel")}</span>
            <input name="steps" pattern="[0-9, ]*" defaultValue={route ? route.steps.join(", ") : "5, 15, 30"} />
          </label>
          <label className="field">
            <span>{t("routing.window")}</span>
            <input name="window" type="number" min={1} max={60} required defaultValue={Math.round((route?.window_s ?? 300) / 60)} />
          </label>
          <label className="check notice-wide">
            <input type="checkbox" name="enabled" defaultChecked={route?.enabled ?? true} /> {t("channel.enabled")}
          </label>
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

export function Routes() {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const sentence = useSentence();
  const [editing, setEditing] = useState<RouteRow | "new" | null>(null);
  const query = useQuery({ queryKey: ["notices", "routes"], queryFn: ({ signal }) => get<Listed<RouteRow>>("/notices/routes", {}, signal) });
  const drop = useMutation({
    mutationFn: ({ channel: _, person, team: __, line_team: ___, id, revision, ...rest }: RouteRow) =>
      call("PUT", `/notices/routes/${id}`, { body: { ...rest, user_id: person?.id ?? null, retired: true }, revision }),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["notices", "routes"] }),
  });
  const manage = can("notices.manage");
  const add = manage && (
    <ActButton tone="main" onClick={() => setEditing("new")}>
      {t("routing.add")}
    </ActButton>
  );
  return (
    <Ask query={query} rows={4}>
      {(list) => (
        <div className="notice-body">
          {list.items.length === 0 ? (
            <Empty kind="nothing" title={t("routing.empty")} action={add || undefined}>
              {t("routing.emptyWhy")}
            </Empty>
          ) : (
            <>
              {add && <div className="notice-acts">{add}</div>}
              <ul className="notice-cards">
                {list.items.map((row) => {
                  const said = sentence(row);
                  return (
                    <li key={row.id} className="panel notice-card notice-route">
                      <p>
                        {said.what} <span aria-hidden="true">→</span> <strong>{said.whom}</strong> {!row.enabled && <Tag>{t("routing.off")}</Tag>}
                        {said.steps && <span className="muted notice-steps">{said.steps}</span>}
                      </p>
                      {manage && (
                        <footer className="notice-acts">
                          <ActButton onClick={() => setEditing(row)}>{t("notices.edit")}</ActButton>
                          <ActButton tone="quiet" onClick={() => drop.mutate(row)}>
                            {t("notices.remove")}
                          </ActButton>
                        </footer>
                      )}
                    </li>
                  );
                })}
              </ul>
            </>
          )}
          {editing && <Editor route={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
        </div>
      )}
    </Ask>
  );
}
