// Asked before a value or a source leaves: what goes, what is held against events no longer.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { post } from "../../api/client";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Trouble } from "../../parts/panel";
import type { Source } from "./types";

type Props = { title: string; what: ReactNode; then: string; path: string; onClose: () => void };

export function RemoveDialog({ title, what, then, path, onClose }: Props) {
  const { t } = useWords();
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: () => post<Source>(path),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["indicators"] });
      toast(t("indicators.removed"));
      onClose();
    },
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="indicator-what">{what}</p>
      <p>{then}</p>
      {send.isError && <Trouble error={send.error} />}
      <footer className="dialog-foot">
        <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
        <ActButton tone="main" disabled={send.isPending} onClick={() => send.mutate()}>
          {t("indicators.remove")}
        </ActButton>
      </footer>
    </Dialog>
  );
}
