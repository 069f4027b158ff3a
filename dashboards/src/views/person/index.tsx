// /people/:id — one account: its roles with their ends, ways to log in, sessions, keys, and what it did here.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call, get, post } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href } from "../../app/route";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Empty } from "../../parts/empty";
import { useLoose } from "../../parts/history";
import { Ask, Panel, useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { KeyTable, SessionTable } from "../account/sessions";
import { useSure } from "../account/sure";
import { GiveRole, LinkShown } from "../people/forms";
import type { OneTimeLink, PersonFull } from "../people/types";
import "../account/account.css";
import "../people/people.css";

type Sure = { title: string; why: string; act: string; run: () => void };

function Grants({ person, onGive, onWithdraw }: { person: PersonFull; onGive: () => void; onWithdraw: (id: number) => void }) {
  const { t } = useWords();
  const loose = useLoose();
  return (
    <Panel title={t("people.roles")} aside={<ActButton onClick={onGive}>{t("people.giveAct")}</ActButton>}>
      {person.grants.length === 0 && <Empty kind="nothing" title={t("people.noRole")} />}
      {person.grants.length > 0 && (
        <table className="plain account-table">
          <thead>
            <tr>
              <th scope="col">{t("people.role")}</th>
              <th scope="col">{t("people.place")}</th>
              <th scope="col">{t("people.until")}</th>
              <th scope="col">{t("people.givenBy")}</th>
              <th scope="col">
                <span className="sr-only">{t("act.revoke")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {person.grants.map((grant) => (
              <tr key={grant.id} className={grant.ended ? "grant-ended" : ""}>
                <td>{loose("role", grant.role)}</td>
                <td>{grant.agency ? <Text>{grant.agency_name ?? grant.agency}</Text> : t("people.everywhere")}</td>
                <td>
                  {grant.until ? <Time at={grant.until} short /> : <span className="muted">—</span>} {grant.ended && <Tag>{t("people.ended")}</Tag>}
                </td>
                <td>
                  <Text>{grant.given_by ?? ""}</Text>
                </td>
                <td className="end">
                  {!grant.ended && (
                    <ActButton tone="quiet" onClick={() => onWithdraw(grant.id)}>
                      {t("act.revoke")}
                    </ActButton>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {person.elsewhere && <p className="muted">{t("people.elsewhere")}</p>}
    </Panel>
  );
}

function Acts({ person }: { person: PersonFull }) {
  const { t } = useWords();
  const loose = useLoose();
  return (
    <Panel title={t("people.acts")}>
      {person.acts.length === 0 ? (
        <Empty kind="nothing" title={t("people.noActs")} />
      ) : (
        <table className="plain">
          <tbody>
            {person.acts.map((act) => (
              <tr key={act.seq}>
                <td>
                  <Time at={act.at} short />
                </td>
                <td>{loose("records.acts", act.act.replace(/\./g, "_"), act.act)}</td>
                <td className="figures">
                  <Text>{act.object}</Text>
                </td>
                <td>{act.outcome !== "done" && <Tag tone="warn">{loose("records.outcomes", act.outcome)}</Tag>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Person({ params }: { params: Record<string, string> }) {
  const { t } = useWords();
  const { me } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const { sure, question } = useSure();
  const id = params.id ?? "";
  const path = `/users/${encodeURIComponent(id)}`;
  const query = useQuery({ queryKey: ["people", id], queryFn: ({ signal }) => get<PersonFull>(path, {}, signal) });
  const [giving, setGiving] = useState(false);
  const [link, setLink] = useState<OneTimeLink | null>(null);
  const [asked, setAsked] = useState<Sure | null>(null);
  useTitle(query.data?.name ?? t("people.title"));
  useKeys({ u: { label: "keys.close", run: () => go(href("/people")) } });
  const done = (text: string) => {
    toast(text);
    void client.invalidateQueries({ queryKey: ["people"] });
  };
  const bad = (error: unknown) => toast(explain(error).text, { bad: true });
  const run = (act: () => Promise<unknown>, text: string) => void sure(act).then(() => done(text), bad);
  const acts = (person: PersonFull): ReactNode => {
    if (!person.mine || person.id === me.user.id) return null;
    const name = { name: person.name };
    return (
      <div className="acts">
        <ActButton tone="main" disabled={person.disabled} onClick={() => void sure(() => post<OneTimeLink>(`${path}/link`)).then(setLink, bad)}>
          {t("people.linkNew")}
        </ActButton>
        <ActButton onClick={() => setAsked({ title: t("people.reset"), why: t("people.resetWhy", name), act: t("people.reset"), run: () => run(() => post(`${path}/reset-factor`), t("people.resetDone")) })}>
          {t("people.reset")}
        </ActButton>
        {person.disabled ? (
          <ActButton onClick={() => run(() => post(`${path}/enable`), t("people.enabled"))}>{t("people.enable")}</ActButton>
        ) : (
          <ActButton onClick={() => setAsked({ title: t("people.disable"), why: t("people.disableWhy", name), act: t("people.disable"), run: () => run(() => post(`${path}/disable`), t("people.disabledDone")) })}>
            {t("people.disable")}
          </ActButton>
        )}
      </div>
    );
  };
  return (
    <div className="page page-wide">
      <Ask query={query} rows={6}>
        {(person) => (
          <>
            <p>
              <a href={href("/people")}>← {t("people.title")}</a>
            </p>
            <header className="page-head page-head-row">
              <h1>
                <Text>{person.name}</Text>
              </h1>
              <span className="figures muted">
                <Text>{person.username}</Text>
              </span>
              {person.disabled && <Tag tone="bad">{t("people.disabled")}</Tag>}
              {!person.mine && <Tag title={t("people.aboveWhy")}>{t("people.above")}</Tag>}
              <div className="spread" />
              {acts(person)}
            </header>
            <div className="people-columns">
              <div>
                <Grants person={person} onGive={() => setGiving(true)} onWithdraw={(grant) => run(() => call<void>("DELETE", `${path}/grants/${grant}`), t("people.withdrawn"))} />
                <Panel title={t("people.safety")}>
                  <dl className="facts">
                    <div>
                      <dt>{t("people.factor")}</dt>
                      <dd>
                        {person.factors.length ? person.factors.map((factor) => t(`second.${factor}` as "second.totp")).join(", ") : <Tag tone={person.required ? "warn" : "plain"}>{t(person.required ? "people.factorDue" : "people.factorNo")}</Tag>}
                      </dd>
                    </div>
                    <div>
                      <dt>{t("account.password")}</dt>
                      <dd>{t(person.password ? "people.yes" : "people.no")}</dd>
                    </div>
                    <div>
                      <dt>{t("people.home")}</dt>
                      <dd>
                        <Text>{person.home_name ?? person.home ?? t("people.nowhere")}</Text>
                      </dd>
                    </div>
                    <div>
                      <dt>{t("people.created")}</dt>
                      <dd>
                        <Time at={person.created_at} />
                      </dd>
                    </div>
                    <div>
                      <dt>{t("people.seen")}</dt>
                      <dd>
                        <Ago at={person.seen_at} />
                      </dd>
                    </div>
                  </dl>
                </Panel>
              </div>
              <div>
                {person.sessions.length > 0 && (
                  <Panel title={t("account.sessions")} aside={<ActButton tone="quiet" onClick={() => run(() => call<void>("DELETE", `${path}/sessions`), t("account.ended"))}>{t("people.endAll")}</ActButton>}>
                    <SessionTable items={person.sessions} onEnd={(session) => run(() => call<void>("DELETE", `${path}/sessions/${session}`), t("account.ended"))} />
                  </Panel>
                )}
                {person.keys.length > 0 && (
                  <Panel title={t("account.keys")}>
                    <KeyTable items={person.keys} onRevoke={(key) => run(() => call<void>("DELETE", `${path}/keys/${key}`), t("account.keyRevoked"))} />
                  </Panel>
                )}
                <Acts person={person} />
              </div>
            </div>
            {giving && (
              <GiveRole
                person={person}
                onClose={() => setGiving(false)}
                onGiven={() => {
                  setGiving(false);
                  done(t("people.given"));
                }}
              />
            )}
          </>
        )}
      </Ask>
      {link && <LinkShown link={link} onClose={() => setLink(null)} />}
      {asked && (
        <Dialog title={asked.title} onClose={() => setAsked(null)}>
          <p>{asked.why}</p>
          <footer className="dialog-foot">
            <ActButton onClick={() => setAsked(null)}>{t("act.cancel")}</ActButton>
            <ActButton
              tone="main"
              autoFocus
              onClick={() => {
                setAsked(null);
                asked.run();
              }}
            >
              {asked.act}
            </ActButton>
          </footer>
        </Dialog>
      )}
      {question}
    </div>
  );
}

export const view: View = { path: "/people/:id", title: "people.title", permission: "users.manage", Component: Person };
