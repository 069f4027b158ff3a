// CSV in: choose a file, see what it would do and every wrong cell, then write all of it or nothing.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../../api/client";
import { count } from "../../app/text";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { useOwnAgency } from "../../parts/agency";
import { ActButton, Tag } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { useLoose } from "../../parts/history";
import { Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import type { Plan } from "./types";

const LIMIT_BYTES = 3 * 1024 * 1024;

function encoded(file: File): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).split(",", 2)[1] ?? "");
    reader.onerror = () => failed(reader.error ?? new Error("read"));
    reader.readAsDataURL(file);
  });
}

export function ImportDialog({ of, onClose }: { of: "systems" | "assets"; onClose: () => void }) {
  const { t, pick, language } = useWords();
  const loose = useLoose();
  const client = useQueryClient();
  const agency = useOwnAgency();
  const [content, setContent] = useState<string | null>(null);
  const [tooBig, setTooBig] = useState(false);
  const send = useMutation({
    mutationFn: ({ text, apply }: { text: string; apply: boolean }) => post<Plan>(`/${of}/import`, { agency, content: text, apply }),
    onSuccess: (plan) => {
      if (!plan.applied) return;
      void client.invalidateQueries({ queryKey: ["inventory"] });
      toast(t("inventory.file.applied", { added: count(plan.new, language), changed: count(plan.changed, language) }));
      onClose();
    },
  });
  const choose = async (file: File | undefined) => {
    setContent(null);
    send.reset();
    setTooBig(!!file && file.size > LIMIT_BYTES);
    if (!file || file.size > LIMIT_BYTES) return;
    const text = await encoded(file);
    setContent(text);
    send.mutate({ text, apply: false });
  };
  const plan = send.data;
  const writes = plan ? plan.new + plan.changed : 0;
  return (
    <Dialog title={t(of === "systems" ? "inventory.file.title" : "inventory.file.titleAssets")} onClose={onClose} wide>
      <p>{t("inventory.file.how")}</p>
      <p className="muted">{t(of === "systems" ? "inventory.file.columns" : "inventory.file.columnsAssets")}</p>
      <label className="field">
        <span>{t("inventory.file.choose")}</span>
        <input type="file" accept=".csv,text/csv,text/plain" onChange={(event) => void choose(event.target.files?.[0])} />
      </label>
      <div aria-live="polite">
        {tooBig && <p className="trouble">{t("inventory.file.tooBig")}</p>}
        {send.isPending && <p className="muted">{t("inventory.file.reading")}</p>}
        {send.isError && <Trouble error={send.error} />}
        {plan && (
          <p className="plan-sums">
            {(["new", "changed", "unchanged"] as const).map((act) => (
              <Tag key={act} tone={act === "unchanged" || plan[act] === 0 ? "plain" : "info"}>
                {t(`inventory.file.${act}`)} <span className="figures">{count(plan[act], language)}</span>
              </Tag>
            ))}
            <Tag tone={plan.wrong.length ? "bad" : "ok"}>
              {t("inventory.file.wrong")} <span className="figures">{count(plan.wrong.length, language)}</span>
            </Tag>
          </p>
        )}
      </div>
      {plan && plan.wrong.length > 0 && (
        <>
          <p>{t("inventory.file.fix")}</p>
          <div className="plan-list" tabIndex={0} role="region" aria-label={t("inventory.file.wrong")}>
            <table className="plain">
              <thead>
                <tr>
                  <th scope="col">{t("inventory.file.row")}</th>
                  <th scope="col">{t("inventory.file.columnName")}</th>
                  <th scope="col">{t("inventory.file.what")}</th>
                </tr>
              </thead>
              <tbody>
                {plan.wrong.map((wrong, index) => (
                  <tr key={index}>
                    <td className="figures">{wrong.row}</td>
                    <td>
                      <Text>{loose("inventory.field", wrong.column)}</Text>
                    </td>
                    <td>
                      <Text>{pick(wrong)}</Text>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      {plan && plan.wrong.length === 0 && writes === 0 && <p>{t("inventory.file.nothing")}</p>}
      {plan && plan.wrong.length === 0 && plan.lines.length > 0 && (
        <div className="plan-list" tabIndex={0} role="region" aria-label={t("inventory.file.preview")}>
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("inventory.file.row")}</th>
                <th scope="col">{t("inventory.file.act")}</th>
                <th scope="col">{t("inventory.file.name")}</th>
              </tr>
            </thead>
            <tbody>
              {plan.lines.map((line) => (
                <tr key={line.row}>
                  <td className="figures">{line.row}</td>
                  <td>{t(`inventory.file.${line.act}`)}</td>
                  <td>
                    <Text>{line.name}</Text> <span className="muted">{line.changes.map((field) => loose("inventory.field", field)).join(", ")}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {plan.lines.length < writes && <p className="muted">{t("inventory.file.more", { shown: plan.lines.length })}</p>}
        </div>
      )}
      <footer className="dialog-foot">
        <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
        <ActButton tone="main" disabled={!content || !plan || plan.wrong.length > 0 || writes === 0 || send.isPending} onClick={() => content && send.mutate({ text: content, apply: true })}>
          {t("inventory.file.apply", { count: writes })}
        </ActButton>
      </footer>
    </Dialog>
  );
}
