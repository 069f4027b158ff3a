// One system beside the list: what it is, what belongs to it, who sees it, and who changed what.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../../api/client";
import type { HistoryEntry } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useAgencyName } from "../../app/names";
import { href } from "../../app/route";
import { useSession } from "../../app/session";
import { count } from "../../app/text";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Empty } from "../../parts/empty";
import { Grade } from "../../parts/grade";
import { useLoose } from "../../parts/history";
import { Ask, Panel } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { AssetForm, RetireDialog, SystemForm } from "./forms";
import type { Asset, Binding, Kind, SystemFull } from "./types";

export function Sensed({ sensed, last }: { sensed: boolean; last?: string | null }) {
  const { t } = useWords();
  return (
    <span className="one-line">
      <Tag tone={sensed ? "ok" : "warn"} title={t(sensed ? "inventory.sensedWhy" : "inventory.unsensedWhy")}>
        {t(sensed ? "inventory.sensed" : "inventory.unsensed")}
      </Tag>
      {last && <Ago at={last} />}
    </span>
  );
}

/** Addresses with their times; one that went to another machine says to which. */
export function Bindings({ bindings }: { bindings: readonly Binding[] }) {
  const { t } = useWords();
  return (
    <ul className="bindings">
      {bindings.map((binding, index) => (
        <li key={index} className={binding.until ? "binding-ended" : ""}>
          <Text mono>{binding.value}</Text>
          <span className="muted">
            {t("inventory.page.since")} <Time at={binding.since} short />
            {binding.until && (
              <>
                {" "}
                {t("inventory.page.until")} <Time at={binding.until} short />
              </>
            )}
          </span>
          {binding.now_of && (
            <Tag tone="info">
              {t("inventory.page.moved")} <Text>{binding.now_of.host}</Text>
            </Tag>
          )}
        </li>
      ))}
    </ul>
  );
}

function Changes({ path, queryKey }: { path: string; queryKey: readonly unknown[] }) {
  const { t } = useWords();
  const loose = useLoose();
  const query = useQuery({ queryKey: [...queryKey], queryFn: ({ signal }) => get<{ items: HistoryEntry[] }>(path, {}, signal) });
  const said = (value: unknown) => (Array.isArray(value) ? value.join(", ") : value === null || value === "" ? "—" : String(value));
  const act = (entry: HistoryEntry) => {
    if (entry.act === "lost") return t("inventory.page.lost", { to: said(entry.to?.to) });
    return entry.act === "created" || entry.act === "changed" || entry.act === "retired" ? t(`inventory.page.${entry.act}`) : entry.act;
  };
  return (
    <Panel title={t("inventory.page.history")}>
      <Ask query={query} rows={2}>
        {({ items }) => (
          <ol className="history">
            {items.map((entry, index) => (
              <li key={index}>
                <Time at={entry.at} />
                <span>
                  <strong>
                    <Text>{entry.actor.name}</Text>
                  </strong>{" "}
                  {act(entry)}
                  {entry.act === "changed" &&
                    Object.keys(entry.to ?? {}).map((field) => (
                      <span key={field} className="history-note muted">
                        {loose("inventory.field", field)}: <Text>{said(entry.from?.[field])}</Text> → <Text>{said(entry.to?.[field])}</Text>
                      </span>
                    ))}
                </span>
              </li>
            ))}
          </ol>
        )}
      </Ask>
    </Panel>
  );
}

function Facts({ system, kinds }: { system: SystemFull; kinds: readonly Kind[] }) {
  const { t, pick } = useWords();
  const agencyName = useAgencyName();
  const kind = kinds.find((one) => one.code === system.kind);
  const fact = (title: string, value: string) =>
    value && (
      <div>
        <dt>{title}</dt>
        <dd>
          <Text>{value}</Text>
        </dd>
      </div>
    );
  return (
    <Panel title={t("inventory.page.facts")}>
      <dl className="facts">
        <div>
          <dt>{t("inventory.field.grade")}</dt>
          <dd>
            <Grade grade={system.grade} words />
          </dd>
        </div>
        {fact(t("inventory.field.kind"), kind ? pick(kind) : system.kind)}
        {fact(t("inventory.field.owner"), system.owner)}
        {fact(t("inventory.field.contact"), system.contact)}
        {fact(t("inventory.field.provider"), system.provider)}
        {fact(t("inventory.field.agency"), agencyName(system.agency))}
        {fact(t("inventory.field.note"), system.note)}
        <div>
          <dt>{t("inventory.column.data")}</dt>
          <dd>
            <Sensed sensed={system.sensed} last={system.last_data_at} />
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

function Whole({ system, kinds, assetKinds }: { system: SystemFull; kinds: readonly Kind[]; assetKinds: readonly Kind[] }) {
  const { t, language } = useWords();
  const { can } = useSession();
  const [asset, setAsset] = useState<Asset | "new" | null>(null);
  const manage = can("inventory.manage") && !system.retired_at;
  return (
    <>
      <Facts system={system} kinds={kinds} />
      {system.open_alerts !== null && (
        <Panel title={t("inventory.column.alerts")}>
          {system.open_alerts > 0 ? (
            <a className="button" href={href("/alerts", { system: system.id })}>
              {t("inventory.page.alerts")} <span className="figures">{count(system.open_alerts, language)}</span>
            </a>
          ) : (
            <p className="muted">{t("inventory.page.noAlerts")}</p>
          )}
        </Panel>
      )}
      <Panel title={t("inventory.page.names")}>
        {system.bindings.length ? <Bindings bindings={system.bindings} /> : <p className="muted">{t("inventory.page.noNames")}</p>}
      </Panel>
      <Panel
        title={t("inventory.page.assets")}
        aside={
          manage && (
            <ActButton tone="quiet" onClick={() => setAsset("new")}>
              {t("inventory.addAsset")}
            </ActButton>
          )
        }
      >
        {system.assets_listed.length === 0 ? (
          <p className="muted">{t("inventory.page.noAssets")}</p>
        ) : (
          <ul className="system-assets">
            {system.assets_listed.map((one) => (
              <li key={one.id}>
                <p>
                  <strong>
                    <Text>{one.host}</Text>
                  </strong>{" "}
                  <Sensed sensed={!!one.last_data_at && Date.now() - Date.parse(one.last_data_at) < 86_400_000} last={one.last_data_at} />
                  {manage && (
                    <ActButton tone="quiet" aria-label={`${t("inventory.change")} ${one.host}`} onClick={() => setAsset(one)}>
                      {t("inventory.change")}
                    </ActButton>
                  )}
                </p>
                <Bindings bindings={one.bindings} />
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {system.services.length > 0 && (
        <Panel title={t("inventory.page.services")}>
          <ul>
            {system.services.map((service, index) => (
              <li key={index}>
                <Text>{String(service.name ?? service.id ?? "")}</Text> <span className="muted">{String(service.state ?? "")}</span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {system.sensors !== null && (
        <Panel title={t("inventory.page.sensors")}>
          {system.sensors.length === 0 ? (
            <Empty kind="nothing" title={t("inventory.page.noSensors")}>
              {t("inventory.page.noSensorsWhy")}
            </Empty>
          ) : (
            <ul className="bindings">
              {system.sensors.map((sensor) => (
                <li key={sensor.name}>
                  <Text>{sensor.name}</Text>
                  <span className="muted">
                    {t("inventory.page.events", { events: count(sensor.events, language) })} · <Ago at={sensor.last_at} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      )}
      {system.sensors_partial && <p className="muted">{system.sensors_partial}</p>}
      <Changes path={`/systems/${encodeURIComponent(system.id)}/history`} queryKey={["inventory", "history", system.id, system.revision]} />
      {asset && <AssetForm before={asset === "new" ? null : asset} kinds={assetKinds} system={system.id} onClose={() => setAsset(null)} onDone={() => setAsset(null)} />}
    </>
  );
}

export function SystemPane({ id, kinds, assetKinds, onClose }: { id: string; kinds: readonly Kind[]; assetKinds: readonly Kind[]; onClose: () => void }) {
  const { t } = useWords();
  const { can } = useSession();
  const [asking, setAsking] = useState<"change" | "retire" | null>(null);
  const query = useQuery({
    queryKey: ["inventory", "system", id],
    queryFn: ({ signal }) => get<SystemFull>(`/systems/${encodeURIComponent(id)}`, {}, signal),
  });
  useKeys({ u: { label: "keys.back", run: onClose }, Escape: { run: onClose } });
  const system = query.data;
  return (
    <aside className="pane" aria-label={t("inventory.column.system")}>
      <header className="pane-head">
        <div className="pane-tools">
          <ActButton tone="quiet" hint="u" onClick={onClose}>
            {t("act.hide")}
          </ActButton>
        </div>
        {system && (
          <>
            <p className="overline">
              <Grade grade={system.grade} words />
              <span className="figures">{system.id}</span>
              {system.secret && (
                <Tag tone="bad" title={t("inventory.secretWhy")}>
                  {t("inventory.secret")}
                </Tag>
              )}
              {system.retired_at && <Tag>{t("inventory.retiredToo")}</Tag>}
            </p>
            <h2 className="alert-title">
              <Text>{system.name}</Text>
            </h2>
            {can("inventory.manage") && !system.retired_at && (
              <div className="acts">
                <ActButton onClick={() => setAsking("change")}>{t("inventory.change")}</ActButton>
                <ActButton onClick={() => setAsking("retire")}>{t("inventory.retire")}</ActButton>
              </div>
            )}
          </>
        )}
      </header>
      <div className="pane-body" key={id}>
        <Ask query={query} rows={6}>
          {(found) => <Whole system={found} kinds={kinds} assetKinds={assetKinds} />}
        </Ask>
      </div>
      {asking === "change" && system && <SystemForm before={system} kinds={kinds} onClose={() => setAsking(null)} onDone={() => setAsking(null)} />}
      {asking === "retire" && system && (
        <RetireDialog
          path="/systems"
          id={system.id}
          name={system.name}
          revision={system.revision}
          onClose={(done) => {
            setAsking(null);
            if (done) onClose();
          }}
        />
      )}
    </aside>
  );
}
