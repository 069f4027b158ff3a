// /sensors — one truth per sensor, taken from the data it sent; enrolment by one line; revocation with a reason.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { get, post } from "../api/client";
import type { Sensor, SensorRole, Token } from "../api/types";
import { copy } from "../app/copy";
import { useKeys } from "../app/keys";
import { useTitle } from "../app/live";
import { useAgencyName } from "../app/names";
import { useSession } from "../app/session";
import { count } from "../app/text";
import { dateOf, momentOf, relative } from "../app/time";
import { toast } from "../app/toasts";
import type { View } from "../app/views";
import { useWords } from "../i18n";
import { ActButton, Tag } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Empty } from "../parts/empty";
import { type Column, Grid } from "../parts/grid";
import { useLoose } from "../parts/history";
import { Icon } from "../parts/icons";
import { Ask, Trouble, useExplain } from "../parts/panel";
import { Text } from "../parts/text";
import { Ago, Time } from "../parts/time";
import { NoteDialog } from "./alerts/dialogs";

type Row = { key: string; sensor: Sensor; part: SensorRole | null };

const EXPIRES_SOON_MS = 7 * 86_400_000; // of 30; a sensor renews its own when 10 are left

/** What the lamp says, from what, and since when: all three in its tooltip. */
function Lamp({ row }: { row: Row }) {
  const { t, language } = useWords();
  const loose = useLoose();
  const { sensor, part } = row;
  if (sensor.revoked_at)
    return (
      <Tag tone="bad" title={t("sensor.why.revoked", { at: momentOf(sensor.revoked_at) })}>
        {t("sensor.state.revoked")}
      </Tag>
    );
  const state = part?.state ?? "never";
  const tone = { ok: "ok", quiet: "warn", never: "plain" } as const;
  const why = part?.last_data_at
    ? t(state === "ok" ? "sensor.why.ok" : "sensor.why.quiet", {
        what: loose("sensorRole", part.role),
        count: part.events_total,
        events: count(part.events_total, language),
        at: momentOf(part.last_data_at),
        ago: relative(part.last_data_at, language, Date.now()),
      })
    : t("sensor.why.never", { at: momentOf(sensor.enrolled_at) });
  return (
    <Tag tone={tone[state]} title={why}>
      {t(`sensor.state.${state}`)}
    </Tag>
  );
}

function Certificate({ sensor }: { sensor: Sensor }) {
  const { t } = useWords();
  const at = sensor.certificate_expires_at;
  const left = at ? Date.parse(at) - Date.now() : Number.POSITIVE_INFINITY;
  if (!at || sensor.revoked_at || left > EXPIRES_SOON_MS) return at ? <span title={momentOf(at)}>{dateOf(at)}</span> : <span className="muted">—</span>;
  return (
    <Tag tone={left < 0 ? "bad" : "warn"} title={`${t(left < 0 ? "sensor.expired" : "sensor.expires")} ${momentOf(at)}`}>
      {dateOf(at)}
    </Tag>
  );
}

function Command({ token }: { token: Token }) {
  const { t } = useWords();
  const shown = useRef<HTMLPreElement>(null);
  const take = () => void copy(token.command, shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }));
  return (
    <>
      <p>{t("enrol.run")}</p>
      <div className="command-box">
        <pre ref={shown} className="command figures">
          {token.command}
        </pre>
        <ActButton tone="main" autoFocus onClick={take}>
          <Icon name="copy" /> {t("value.copy")}
        </ActButton>
      </div>
      <p className="muted">
        {t("enrol.until")} <Time at={token.expires_at} />
      </p>
    </>
  );
}

function Enrol({ onClose }: { onClose: () => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const [name, setName] = useState("");
  const [role, setRole] = useState<"sensor" | "node">("sensor");
  const [agency, setAgency] = useState(me.grants.find((grant) => grant.agency)?.agency ?? me.node.agency);
  const make = useMutation({ mutationFn: () => post<Token>("/sensors/tokens", { name: name.trim(), role, agency: agency.trim() }) });
  return (
    <Dialog title={t("enrol.title")} onClose={onClose} wide>
      {make.data ? (
        <Command token={make.data} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <label className="field">
            <span>{t("enrol.name")}</span>
            <input autoFocus required maxLength={64} pattern="[A-Za-z0-9._\-]+" value={name} onChange={(event) => setName(event.target.value)} />
            <small className="muted">{t("enrol.nameHint")}</small>
          </label>
          {me.node.role === "national" && (
            <label className="field">
              <span>{t("enrol.role")}</span>
              <select value={role} onChange={(event) => setRole(event.target.value as "sensor" | "node")}>
                <option value="sensor">{t("enrol.sensor")}</option>
                <option value="node">{t("enrol.node")}</option>
              </select>
            </label>
          )}
          <label className="field">
            <span>{t("alert.agency")}</span>
            <input required maxLength={64} value={agency} onChange={(event) => setAgency(event.target.value)} />
          </label>
          {make.isError && <Trouble error={make.error} />}
          <footer className="dialog-foot">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
            <button type="submit" className="button button-main" disabled={make.isPending}>
              {t("enrol.make")}
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

function Sensors() {
  const { t, language } = useWords();
  const loose = useLoose();
  const agencyName = useAgencyName();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const query = useQuery({
    queryKey: ["sensors"],
    queryFn: ({ signal }) => get<{ items: Sensor[] }>("/sensors", {}, signal),
    refetchInterval: 30_000,
  });
  const [cursor, setCursor] = useState<string | null>(null);
  const [enrolling, setEnrolling] = useState(false);
  const [revoking, setRevoking] = useState<Sensor | null>(null);
  useTitle(t("nav.sensors"));
  useKeys({ r: { label: "keys.refresh", run: () => void query.refetch() } });
  const revoke = useMutation({
    mutationFn: ({ sensor, reason }: { sensor: Sensor; reason: string }) => post(`/sensors/${encodeURIComponent(sensor.id)}/revoke`, { reason }),
    onSuccess: (_, { sensor }) => toast(t("sensor.revoked", { name: sensor.name })),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["sensors"] }),
  });
  const rows = useMemo<Row[]>(
    () =>
      (query.data?.items ?? []).flatMap((sensor): Row[] =>
        sensor.roles.length
          ? sensor.roles.map((part) => ({ key: `${sensor.id}/${part.role}`, sensor, part }))
          : [{ key: `${sensor.id}/`, sensor, part: null }],
      ),
    [query.data],
  );
  const manage = can("sensors.manage");
  const number = (value: number | null | undefined) => (value === null || value === undefined ? <span className="muted">—</span> : <span className="figures">{count(value, language)}</span>);
  const columns = useMemo<Column<Row>[]>(
    () => [
      { id: "state", header: t("column.status"), width: "132px", sort: (row) => row.part?.state ?? "", cell: (row) => <Lamp row={row} /> },
      {
        id: "name",
        header: t("column.sensor"),
        width: "minmax(140px, 1fr)",
        sort: (row) => row.sensor.name,
        cell: (row) => (
          <span className="one-line">
            <span className="row-title">
              <Text>{row.sensor.name}</Text>
            </span>
            {row.sensor.flagged && (
              <span className="tag tag-bad" title={t("sensor.flaggedWhy")}>
                {t("sensor.flagged")} <Text mono>{row.sensor.claimed ?? ""}</Text>
              </span>
            )}
          </span>
        ),
      },
      { id: "role", header: t("column.role"), width: "148px", sort: (row) => row.part?.role ?? row.sensor.role, cell: (row) => loose("sensorRole", row.part?.role ?? row.sensor.role) },
      { id: "agency", header: t("column.agency"), width: "minmax(120px, 200px)", from: 1220, sort: (row) => row.sensor.agency_name || agencyName(row.sensor.agency), cell: (row) => <Text>{row.sensor.agency_name || agencyName(row.sensor.agency)}</Text> },
      { id: "last", header: t("column.lastData"), width: "150px", sort: (row) => row.part?.last_data_at ?? "", cell: (row) => <Ago at={row.part?.last_data_at} /> },
      { id: "events", header: t("column.events"), width: "112px", end: true, from: 760, sort: (row) => row.part?.events_total ?? 0, cell: (row) => number(row.part?.events_total) },
      { id: "spooled", header: t("column.spooled"), width: "88px", end: true, from: 1060, sort: (row) => row.part?.spooled ?? 0, cell: (row) => number(row.part?.spooled) },
      {
        id: "dropped",
        header: t("column.dropped"),
        width: "84px",
        end: true,
        from: 1060,
        sort: (row) => row.part?.dropped ?? 0,
        cell: (row) => (row.part?.dropped ? <Tag tone="warn">{count(row.part.dropped, language)}</Tag> : number(row.part?.dropped)),
      },
      { id: "certificate", header: t("column.certificate"), width: "128px", from: 900, sort: (row) => row.sensor.certificate_expires_at ?? "", cell: (row) => <Certificate sensor={row.sensor} /> },
      ...(manage
        ? [
            {
              id: "acts",
              header: "",
              width: "96px",
              cell: (row: Row) =>
                !row.sensor.revoked_at && (
                  <ActButton tone="quiet" onClick={() => setRevoking(row.sensor)}>
                    {t("act.revoke")}
                  </ActButton>
                ),
            },
          ]
        : []),
    ],
    [t, language, loose, manage, agencyName],
  );
  return (
    <div className="page page-list">
      <header className="page-head page-head-row">
        <h1>{t("nav.sensors")}</h1>
        <span className="muted">{t("sensor.truth")}</span>
        <div className="spread" />
        {manage && (
          <ActButton tone="main" onClick={() => setEnrolling(true)}>
            {t("enrol.title")}
          </ActButton>
        )}
      </header>
      <Ask query={query} rows={8}>
        {() => (
          <Grid
            label={t("nav.sensors")}
            rows={rows}
            columns={columns}
            idOf={(row) => row.key}
            cursor={cursor}
            onCursor={setCursor}
            rowHeight={44}
            empty={
              <Empty kind="nothing" title={t("sensor.empty")} action={manage ? <ActButton onClick={() => setEnrolling(true)}>{t("enrol.title")}</ActButton> : undefined}>
                {t("sensor.emptyWhy")}
              </Empty>
            }
          />
        )}
      </Ask>
      {enrolling && <Enrol onClose={() => setEnrolling(false)} />}
      {revoking && (
        <NoteDialog
          title={t("sensor.revokeTitle", { name: revoking.name })}
          label={t("sensor.revokeLabel")}
          send={t("act.revoke")}
          onClose={() => setRevoking(null)}
          onDone={(reason) => {
            revoke.mutate({ sensor: revoking, reason });
            setRevoking(null);
          }}
        />
      )}
    </div>
  );
}

export const view: View = {
  path: "/sensors",
  title: "nav.sensors",
  permission: "sensors.read",
  Component: Sensors,
  rail: { group: "estate", order: 4, icon: "sensor", key: "c" },
};
