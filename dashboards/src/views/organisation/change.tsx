// A change of the register: what happened to which units, from which day, by which document. History is kept.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../../api/client";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Trouble } from "../../parts/panel";
import { type Act, ACTS, type Kind, KINDS } from "./types";
import { type Chosen, UnitPicker } from "./unit_picker";

const MANY: readonly Act[] = ["merged"];

export function ChangeDialog({ unit, day, onClose }: { unit: Chosen | null; day: string; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [act, setAct] = useState<Act>(unit ? "renamed" : "created");
  const [codes, setCodes] = useState<Chosen[]>(unit ? [unit] : []);
  const [into, setInto] = useState<Chosen[]>([]);
  const [parent, setParent] = useState<Chosen[]>([]);
  const [text, setText] = useState({ at: day, source: "", code: "", name: "", kind: "ward" as Kind });
  const put = (part: Partial<typeof text>) => setText((now) => ({ ...now, ...part }));
  const fresh = act === "created" || (act === "merged" && into.length === 0);
  const send = useMutation({
    mutationFn: () =>
      post("/organisation/changes", {
        act,
        at: text.at,
        source: text.source.trim(),
        codes: act === "created" ? [] : codes.map((one) => one.code),
        into: act === "merged" || act === "split" ? into.map((one) => one.code) : [],
        code: fresh ? text.code.trim() : "",
        name: fresh || act === "renamed" ? text.name.trim().normalize("NFC") : "",
        kind: fresh || act === "changed_kind" ? text.kind : "",
        parent: fresh || act === "moved" ? (parent[0]?.code ?? null) : null,
      }),
    onSuccess: () => {
      toast(t("organisation.done"));
      void client.invalidateQueries({ queryKey: ["organisation"] });
      void client.invalidateQueries({ queryKey: ["national"] });
      onClose();
    },
  });
  const ready = Boolean(
    text.source.trim() &&
      (act === "created" || codes.length > 0) &&
      (act !== "merged" || codes.length > 1) &&
      (act !== "split" || into.length > 1) &&
      (!fresh || (text.code.trim() && text.name.trim())) &&
      (act !== "renamed" || text.name.trim()),
  );
  return (
    <Dialog title={t("organisation.change")} onClose={onClose} wide>
      <form
        className="organisation-change"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <label className="field">
          <span>{t("organisation.what")}</span>
          <select value={act} onChange={(event) => setAct(event.target.value as Act)}>
            {ACTS.map((one) => (
              <option key={one} value={one}>
                {t(`organisation.act.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {act !== "created" && <UnitPicker label={t(MANY.includes(act) ? "organisation.units" : "organisation.unit")} chosen={codes} onChange={setCodes} many={MANY.includes(act)} />}
        {(act === "merged" || act === "split") && <UnitPicker label={t(act === "merged" ? "organisation.mergedInto" : "organisation.splitInto")} chosen={into} onChange={setInto} many={act === "split"} />}
        {fresh && act === "merged" && <p className="muted">{t("organisation.mergedNew")}</p>}
        {act === "split" && <p className="muted">{t("organisation.splitWhy")}</p>}
        {fresh && (
          <label className="field">
            <span>{t("organisation.code")}</span>
            <input required pattern="[a-z0-9][a-z0-9._\-]{0,63}" maxLength={64} value={text.code} aria-describedby="organisation-code" onChange={(event) => put({ code: event.target.value })} />
            <span className="muted" id="organisation-code">
              {t("organisation.codeWhy")}
            </span>
          </label>
        )}
        {(fresh || act === "renamed") && (
          <label className="field">
            <span>{t("organisation.name")}</span>
            <input required maxLength={256} lang="vi" value={text.name} onChange={(event) => put({ name: event.target.value })} />
          </label>
        )}
        {(fresh || act === "changed_kind") && (
          <label className="field">
            <span>{t("organisation.kind")}</span>
            <select value={text.kind} onChange={(event) => put({ kind: event.target.value as Kind })}>
              {KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {t(`organisation.kinds.${kind}`)}
                </option>
              ))}
            </select>
          </label>
        )}
        {(fresh || act === "moved") && <UnitPicker label={t("organisation.parent")} chosen={parent} onChange={setParent} />}
        <div className="organisation-pair">
          <label className="field">
            <span>{t("organisation.from")}</span>
            <input type="date" required value={text.at} onChange={(event) => put({ at: event.target.value })} />
          </label>
          <label className="field">
            <span>{t("organisation.source")}</span>
            <input required maxLength={512} lang="vi" value={text.source} placeholder={t("organisation.sourceLike")} onChange={(event) => put({ source: event.target.value })} />
          </label>
        </div>
        {send.isError && <Trouble error={send.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={send.isPending || !ready}>
            {t("organisation.send")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}
