// Forms that add and change a system or an asset. A change carries the revision that was seen; when someone was quicker,
// the form says so, takes the new revision and keeps what was typed.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call, get, Refusal } from "../../api/client";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { AgencyField, useOwnAgency } from "../../parts/agency";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Trouble } from "../../parts/panel";
import { type Asset, type Kind, lines, type SystemPage, type SystemRow } from "./types";

/** What differs from what was seen: someone else's words in other fields stay theirs. */
function changes<T extends Record<string, unknown>>(body: T, seen: Record<string, unknown> | null): Partial<T> {
  if (!seen) return body;
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(seen[name]))) as Partial<T>;
}

type Done = { id: string; name: string };

/** One send for both forms: the conflict is told once, what is typed stays. */
function useSave<T extends { id: string; revision: number }>(path: string, before: T | null, nameOf: (row: T) => string, onDone: (row: T) => void) {
  const { t } = useWords();
  const client = useQueryClient();
  const [revision, setRevision] = useState(before?.revision);
  const save = useMutation({
    mutationFn: (body: object) =>
      before ? call<T>("PATCH", `${path}/${encodeURIComponent(before.id)}`, { body, ...(revision === undefined ? {} : { revision }) }) : call<T>("POST", path, { body }),
    onSuccess: (row) => {
      void client.invalidateQueries({ queryKey: ["inventory"] });
      toast(t("inventory.form.saved", { name: nameOf(row) }));
      onDone(row);
    },
    onError: (error) => {
      if (error instanceof Refusal && error.status === 412) {
        const now = (error.problem as { revision?: number }).revision;
        if (now !== undefined) setRevision(now);
        void client.invalidateQueries({ queryKey: ["inventory"] });
      }
    },
  });
  const conflict = save.error instanceof Refusal && save.error.status === 412;
  return { save, conflict };
}

function Said({ error, conflict }: { error: unknown; conflict: boolean }) {
  const { t } = useWords();
  if (!error) return null;
  if (conflict)
    return (
      <div className="trouble" role="alert">
        <p>{t("inventory.form.conflict")}</p>
      </div>
    );
  const fields = error instanceof Refusal ? (error.problem.errors ?? []) : [];
  return (
    <>
      <Trouble error={error} />
      {fields.map((field) => (
        <p key={field.field + field.message} className="muted">
          {field.message}
        </p>
      ))}
    </>
  );
}

function useAgency(): [string, (code: string) => void, boolean] {
  const { me } = useSession();
  const [agency, setAgency] = useState(useOwnAgency());
  return [agency, setAgency, me.node.role === "national" || me.grants.length > 1];
}

export function SystemForm({ before: given, kinds, onClose, onDone }: { before: SystemRow | null; kinds: readonly Kind[]; onClose: () => void; onDone: (row: Done) => void }) {
  const { t, pick } = useWords();
  const [before] = useState(given); // as it was when the form opened: what was typed is measured against it
  const [agency, setAgency, several] = useAgency();
  const { save, conflict } = useSave<SystemRow>("/systems", before, (row) => row.name, onDone);
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const word = (name: string) => String(data.get(name) ?? "").trim();
    const body = {
      name: word("name"),
      kind: word("kind"),
      grade: Number(word("grade")) || null,
      owner: word("owner"),
      contact: word("contact"),
      provider: word("provider"),
      note: word("note"),
      names: lines(word("names")),
      secret: data.get("secret") === "on",
    };
    save.mutate(before ? changes(body, before) : { ...body, agency });
  };
  const line = (name: "name" | "owner" | "contact" | "provider", required = false) => (
    <label className="field">
      <span>{t(`inventory.field.${name}`)}</span>
      <input name={name} required={required} maxLength={256} defaultValue={before?.[name] ?? ""} autoFocus={name === "name"} />
    </label>
  );
  return (
    <Dialog title={before ? t("inventory.form.change", { name: before.name }) : t("inventory.form.add")} onClose={onClose} wide>
      <form onSubmit={send} className="inventory-form">
        {line("name", true)}
        <div className="inventory-pair">
          <label className="field">
            <span>{t("inventory.field.kind")}</span>
            <select name="kind" defaultValue={before?.kind ?? "portal"}>
              {kinds.map((kind) => (
                <option key={kind.code} value={kind.code}>
                  {pick(kind)}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("inventory.field.grade")}</span>
            <select name="grade" defaultValue={String(before?.grade ?? "")}>
              <option value="">{t("inventory.grade.none")}</option>
              {[1, 2, 3, 4, 5].map((grade) => (
                <option key={grade} value={grade}>
                  {t("inventory.grade.of", { grade })}
                </option>
              ))}
            </select>
          </label>
        </div>
        <label className="field">
          <span>{t("inventory.field.names")}</span>
          <textarea name="names" rows={2} defaultValue={before?.names.join("\n") ?? ""} spellCheck={false} />
          <small className="muted">{t("inventory.field.namesHint")}</small>
        </label>
        <div className="inventory-pair">
          {line("owner")}
          {line("contact")}
        </div>
        {line("provider")}
        {!before && several && (
          <AgencyField label={t("inventory.field.agency")} value={agency} onChange={setAgency} />
        )}
        <label className="field">
          <span>{t("inventory.field.note")}</span>
          <textarea name="note" rows={2} maxLength={10000} defaultValue={before?.note ?? ""} />
        </label>
        <label className="check">
          <input type="checkbox" name="secret" defaultChecked={before?.secret ?? false} />
          <span>{t("inventory.field.secret")}</span>
        </label>
        <small className="muted">{t("inventory.field.secretHint")}</small>
        <Said error={save.error} conflict={conflict} />
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={save.isPending}>
            {t("inventory.save")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

export function AssetForm({ before: given, kinds, system, onClose, onDone }: { before: Asset | null; kinds: readonly Kind[]; system?: string; onClose: () => void; onDone: (row: Done) => void }) {
  const { t, pick } = useWords();
  const [before] = useState(given);
  const [agency, setAgency, several] = useAgency();
  const { save, conflict } = useSave<Asset>("/assets", before, (row) => row.host, (row) => onDone({ id: row.id, name: row.host }));
  const of = before?.agency ?? agency;
  const systems = useQuery({
    queryKey: ["inventory", "choices", of],
    queryFn: ({ signal }) => get<SystemPage>("/systems", { agency: of, limit: 200 }, signal),
  });
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const word = (name: string) => String(data.get(name) ?? "").trim();
    const body = {
      host: word("host"),
      kind: word("kind"),
      owner: word("owner"),
      note: word("note"),
      system: word("system"),
      addresses: lines(word("addresses")),
    };
    save.mutate(before ? changes(body, { ...before, system: before.system?.id ?? "" }) : { ...body, agency });
  };
  const chosen = before?.system?.id ?? system ?? "";
  return (
    <Dialog title={before ? t("inventory.form.change", { name: before.host }) : t("inventory.form.addAsset")} onClose={onClose} wide>
      <form onSubmit={send} className="inventory-form">
        <label className="field">
          <span>{t("inventory.field.host")}</span>
          <input name="host" required autoFocus maxLength={253} defaultValue={before?.host ?? ""} spellCheck={false} />
          <small className="muted">{t("inventory.field.hostHint")}</small>
        </label>
        <div className="inventory-pair">
          <label className="field">
            <span>{t("inventory.field.kind")}</span>
            <select name="kind" defaultValue={before?.kind ?? "server"}>
              {kinds.map((kind) => (
                <option key={kind.code} value={kind.code}>
                  {pick(kind)}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{t("inventory.field.system")}</span>
            <select name="system" key={`${chosen} ${systems.data ? "there" : ""}`} defaultValue={chosen}>
              <option value="">{t("inventory.field.noSystem")}</option>
              {(systems.data?.items ?? []).map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
              {before?.system && !systems.data?.items.some((one) => one.id === before.system?.id) && <option value={before.system.id}>{before.system.name}</option>}
            </select>
          </label>
        </div>
        <label className="field">
          <span>{t("inventory.field.addresses")}</span>
          <textarea name="addresses" rows={3} defaultValue={before?.addresses.join("\n") ?? ""} spellCheck={false} />
          <small className="muted">{t("inventory.field.addressesHint")}</small>
        </label>
        <label className="field">
          <span>{t("inventory.field.keeper")}</span>
          <input name="owner" maxLength={256} defaultValue={before?.owner ?? ""} />
        </label>
        {!before && several && (
          <AgencyField label={t("inventory.field.agency")} value={agency} onChange={setAgency} />
        )}
        <label className="field">
          <span>{t("inventory.field.note")}</span>
          <textarea name="note" rows={2} maxLength={10000} defaultValue={before?.note ?? ""} />
        </label>
        <Said error={save.error} conflict={conflict} />
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={save.isPending}>
            {t("inventory.save")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}

export function RetireDialog({ path, id, name, revision, onClose }: { path: "/systems" | "/assets"; id: string; name: string; revision: number; onClose: (done: boolean) => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const retire = useMutation({
    mutationFn: () => call("POST", `${path}/${encodeURIComponent(id)}/retire`, { body: {}, revision }),
    onSuccess: () => {
      toast(t("inventory.form.retired", { name }));
      onClose(true);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["inventory"] }),
  });
  return (
    <Dialog title={t("inventory.form.retireTitle", { name })} onClose={() => onClose(false)}>
      <p>{t("inventory.form.retireWhy")}</p>
      <Said error={retire.error} conflict={retire.error instanceof Refusal && retire.error.status === 412} />
      <footer className="dialog-foot">
        <ActButton onClick={() => onClose(false)}>{t("act.cancel")}</ActButton>
        <ActButton tone="main" disabled={retire.isPending} onClick={() => retire.mutate()}>
          {t("inventory.retire")}
        </ActButton>
      </footer>
    </Dialog>
  );
}
