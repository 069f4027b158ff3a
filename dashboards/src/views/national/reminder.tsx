// A reminder: drafted by the server from what is known, edited here, sent to the agency's node, copied or printed.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { get, post } from "../../api/client";
import { copy } from "../../app/copy";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icons";
import { Loading, Trouble } from "../../parts/panel";
import type { About, Draft, ReminderShape } from "./types";

const ABOUT: readonly About[] = ["silent", "selftest", "late", "certificate", "sensors", "other"];

export function ReminderDialog({ agency, name, onClose }: { agency: string; name: string; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [about, setAbout] = useState<About | null>(null);
  const [edited, setEdited] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const path = `/national/agencies/${encodeURIComponent(agency)}/reminder`;
  const draft = useQuery({
    queryKey: ["national", agency, "draft", about],
    queryFn: ({ signal }) => get<Draft>(path, { about }, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const text = edited ?? draft.data?.text ?? "";
  const send = useMutation({
    mutationFn: () => post<ReminderShape>(path, { about: draft.data?.about ?? "other", text }),
    onSuccess: (sent) => {
      toast(t("national.reminder.sent", { id: sent.id }));
      void client.invalidateQueries({ queryKey: ["national"] });
      onClose();
    },
  });
  return (
    <Dialog title={t("national.reminder.title", { agency: name })} onClose={onClose} wide>
      <form
        className="reminder"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <label className="field">
          <span>{t("national.reminder.about")}</span>
          <select
            value={about ?? draft.data?.about ?? "other"}
            onChange={(event) => {
              setEdited(null);
              setAbout(event.target.value as About);
            }}
          >
            {ABOUT.map((one) => (
              <option key={one} value={one}>
                {t(`national.reminder.of.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {draft.isError && <Trouble error={draft.error} retry={() => void draft.refetch()} />}
        {draft.isPending && edited === null ? (
          <Loading rows={6} />
        ) : (
          <label className="field">
            <span>{t("national.reminder.text")}</span>
            <textarea ref={box} lang="vi" rows={14} required maxLength={10_000} value={text} onChange={(event) => setEdited(event.target.value)} />
          </label>
        )}
        <pre className="print-only">{text}</pre>
        {send.isError && <Trouble error={send.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={() => void copy(text, box.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }))}>
            <Icon name="copy" /> {t("national.reminder.copy")}
          </ActButton>
          <ActButton onClick={() => window.print()}>{t("national.reminder.print")}</ActButton>
          <ActButton type="submit" tone="main" disabled={send.isPending || !text.trim()}>
            <Icon name="send" /> {t("national.reminder.send")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}
