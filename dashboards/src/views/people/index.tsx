// /people — who may do what here, until when, and how safely they log in. What providers did stands below.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get } from "../../api/client";
import type { Page } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { go, href, useFilters } from "../../app/route";
import { useSession } from "../../app/session";
import { folded } from "../../app/text";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { type Column, Grid } from "../../parts/grid";
import { useLoose } from "../../parts/history";
import { Ask } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { AddPerson, LinkShown } from "./forms";
import type { MadePerson, PersonShort } from "./types";
import "../account/account.css";
import "./people.css";

const STATES = ["active", "unsafe", "disabled", "all"] as const;
type State = (typeof STATES)[number];

const live = (person: PersonShort) => person.grants.filter((grant) => !grant.ended);
const until = (person: PersonShort) =>
  live(person)
    .map((grant) => grant.until)
    .filter((end): end is string => Boolean(end))
    .sort()[0] ?? "";

function fits(person: PersonShort, state: State) {
  if (state === "disabled") return person.disabled;
  if (state === "unsafe") return !person.disabled && person.required && !person.second_factor;
  return state === "all" || !person.disabled;
}

function Factor({ person }: { person: PersonShort }) {
  const { t } = useWords();
  if (person.second_factor) return <Tag tone="ok">{t("people.factorYes")}</Tag>;
  return <Tag tone={person.required ? "warn" : "plain"}>{t(person.required ? "people.factorDue" : "people.factorNo")}</Tag>;
}

function People() {
  const { t } = useWords();
  const loose = useLoose();
  const { can } = useSession();
  const client = useQueryClient();
  const [filters, setFilters] = useFilters();
  const search = useRef<HTMLInputElement>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<MadePerson | null>(null);
  const query = useQuery({ queryKey: ["people"], queryFn: ({ signal }) => get<Page<PersonShort>>("/users", {}, signal) });
  const q = filters.get("q") ?? "";
  const state = (STATES.find((one) => one === filters.get("state")) ?? "active") as State;
  useTitle(t("people.title"));
  useKeys({
    "/": { label: "keys.search", run: () => search.current?.focus() },
    r: { label: "keys.refresh", run: () => void query.refetch() },
  });
  const all = useMemo(() => query.data?.items ?? [], [query.data]);
  const rows = useMemo(() => {
    const words = folded(q).split(/\s+/).filter(Boolean);
    return all.filter((person) => {
      const text = folded([person.name, person.username, person.home_name, ...person.grants.flatMap((grant) => [loose("role", grant.role), grant.agency_name])].join(" "));
      return fits(person, state) && words.every((word) => text.includes(word));
    });
  }, [all, q, state, loose]);
  const columns = useMemo<Column<PersonShort>[]>(
    () => [
      {
        id: "name",
        header: t("people.name"),
        width: "minmax(150px, 1fr)",
        sort: (person) => person.name,
        cell: (person) => (
          <span className="one-line">
            <a className="row-title" href={href(`/people/${person.id}`)} tabIndex={-1}>
              <Text>{person.name}</Text>
            </a>
            {person.disabled && <Tag tone="bad">{t("people.disabled")}</Tag>}
          </span>
        ),
      },
      { id: "username", header: t("login.username"), width: "minmax(100px, 180px)", from: 700, sort: (person) => person.username, cell: (person) => <Text mono>{person.username}</Text> },
      {
        id: "roles",
        header: t("people.roles"),
        width: "minmax(160px, 1.4fr)",
        from: 460,
        sort: (person) => live(person).map((grant) => grant.role).join(),
        cell: (person) => {
          const said = live(person).map((grant) => `${loose("role", grant.role)} · ${grant.agency_name ?? grant.agency ?? t("people.everywhere")}`);
          return said.length ? <span title={said.join("\n")}>{said.join("; ")}</span> : <span className="muted">{t(person.elsewhere ? "people.elsewhere" : "people.noRole")}</span>;
        },
      },
      { id: "factor", header: t("people.factor"), width: "150px", sort: (person) => (person.second_factor ? 2 : person.required ? 0 : 1), cell: (person) => <Factor person={person} /> },
      { id: "until", header: t("people.until"), width: "120px", from: 960, sort: (person) => until(person) || "9", cell: (person) => (until(person) ? <Time at={until(person)} short /> : <span className="muted">—</span>) },
      { id: "seen", header: t("people.seen"), width: "140px", from: 820, sort: (person) => person.seen_at ?? "", cell: (person) => (person.seen_at ? <Ago at={person.seen_at} /> : <span className="muted">{t("people.never")}</span>) },
    ],
    [t, loose],
  );
  const add = <ActButton tone="main" onClick={() => setAdding(true)}>{t("people.add")}</ActButton>;
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("people.title")}</h1>
        <input ref={search} className="search" type="search" value={q} placeholder={t("people.search")} aria-label={t("people.search")} onChange={(event) => setFilters({ q: event.target.value })} />
        <div className="spread" />
        {can("audit.read") && (
          <a className="button" href={href("/audit", { providers: "1" })}>
            {t("people.providers")}
          </a>
        )}
        {add}
      </header>
      <div className="filters">
        <div className="tabs" role="group" aria-label={t("people.which")}>
          {STATES.map((one) => (
            <button key={one} type="button" aria-pressed={state === one} onClick={() => setFilters({ state: one === "active" ? null : one })}>
              {t(`people.filter.${one}`)} <span className="tab-count figures">{all.filter((person) => fits(person, one)).length}</span>
            </button>
          ))}
        </div>
      </div>
      <Ask query={query} rows={8}>
        {() => (
          <Grid
            label={t("people.title")}
            rows={rows}
            columns={columns}
            idOf={(person) => String(person.id)}
            cursor={cursor}
            onCursor={setCursor}
            onOpen={(person) => go(href(`/people/${person.id}`))}
            rowHeight={44}
            empty={
              all.length ? (
                <Empty kind="filtered" title={t("people.noMatch")} action={<ActButton onClick={() => setFilters({ q: null, state: null })}>{t("people.showAll")}</ActButton>} />
              ) : (
                <Empty kind="nothing" title={t("people.empty")} action={add}>
                  {t("people.emptyWhy")}
                </Empty>
              )
            }
          />
        )}
      </Ask>
      {adding && (
        <AddPerson
          onClose={() => setAdding(false)}
          onMade={(person) => {
            setAdding(false);
            setMade(person);
            void client.invalidateQueries({ queryKey: ["people"] });
          }}
        />
      )}
      {made && <LinkShown link={made} onClose={() => setMade(null)} />}
    </div>
  );
}

export const view: View = {
  path: "/people",
  title: "people.title",
  permission: "users.manage",
  Component: People,
  rail: { group: "care", order: 1, icon: "people", key: "p" },
};
