// Who coordinates an incident, and the offer to hand it over: made here, answered by the other person here too.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { components } from "#schema";
import { get, post } from "../../api/client";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";

type Shape = components["schemas"]["IncidentHandover"];

export function Handover({ id, open }: { id: string; open: boolean }) {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const [asking, setAsking] = useState(false);
  const [to, setTo] = useState("");
  const [note, setNote] = useState("");
  const path = `/incidents/${encodeURIComponent(id)}/handover`;
  const query = useQuery({ queryKey: ["incident", id, "handover"], queryFn: ({ signal }) => get<Shape>(path, {}, signal), enabled: can("incidents.work") });
  const send = useMutation({
    mutationFn: ({ act, body }: { act: string; body: object }) => post<Shape>(`${path}${act}`, body, query.data?.revision),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSuccess: () => setAsking(false),
    onSettled: () => client.invalidateQueries({ queryKey: ["incident", id] }),
  });
  const answer = (word: "accept" | "decline" | "withdraw") => send.mutate({ act: "/answer", body: { answer: word } });
  const found = query.data;
  if (!found || !open) return null;
  const { offer } = found;
  return (
    <div className="handover">
      {offer ? (
        <>
          <p>
            {t("handover.offered")} <strong><Text>{offer.to.name}</Text></strong> · <Time at={offer.at} short />
          </p>
          {offer.note && (
            <p className="muted">
              <Text>{offer.note}</Text>
            </p>
          )}
          <div className="acts">
            {offer.mine ? (
              <>
                <ActButton tone="main" disabled={send.isPending} onClick={() => answer("accept")}>
                  {t("handover.accept")}
                </ActButton>
                <ActButton disabled={send.isPending} onClick={() => answer("decline")}>
                  {t("handover.decline")}
                </ActButton>
              </>
            ) : (
              <ActButton tone="quiet" disabled={send.isPending} onClick={() => answer("withdraw")}>
                {t("handover.withdraw")}
              </ActButton>
            )}
          </div>
        </>
      ) : (
        <ActButton tone="quiet" onClick={() => setAsking(true)}>
          {t("handover.offer")}
        </ActButton>
      )}
      {asking && (
        <Dialog title={t("handover.offer")} onClose={() => setAsking(false)}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              send.mutate({ act: "", body: { to: Number(to), ...(note.trim() ? { note: note.trim() } : {}) } });
            }}
          >
            <label className="field">
              <span>{t("handover.to")}</span>
              <select required value={to} onChange={(event) => setTo(event.target.value)}>
                <option value="">{t("handover.choose")}</option>
                {found.able.map((person) => (
                  <option key={person.id} value={person.id}>
                    {person.name}
                  </option>
                ))}
              </select>
            </label>
            <label className="field">
              <span>{t("handover.note")}</span>
              <textarea rows={3} maxLength={10_000} value={note} onChange={(event) => setNote(event.target.value)} />
            </label>
            <p className="muted">{t("handover.until")}</p>
            <footer className="dialog-foot">
              <ActButton onClick={() => setAsking(false)}>{t("act.cancel")}</ActButton>
              <ActButton type="submit" tone="main" disabled={send.isPending || !to}>
                {t("handover.send")}
              </ActButton>
            </footer>
          </form>
        </Dialog>
      )}
    </div>
  );
}
