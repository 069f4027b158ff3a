// To which unit of the register an agency belongs: set by who manages the national view.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../../api/client";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Trouble } from "../../parts/panel";
import { type Chosen, UnitPicker } from "../organisation/unit_picker";

export function UnitDialog({ agency, unit, onClose }: { agency: string; unit: Chosen | null; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [chosen, setChosen] = useState<Chosen[]>(unit ? [unit] : []);
  const send = useMutation({
    mutationFn: () => post(`/national/agencies/${encodeURIComponent(agency)}/unit`, { unit: chosen[0]?.code }),
    onSuccess: () => {
      toast(t("organisation.done"));
      void client.invalidateQueries({ queryKey: ["national"] });
      onClose();
    },
  });
  return (
    <Dialog title={t("national.agency.unit")} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <UnitPicker label={t("organisation.unit")} chosen={chosen} onChange={setChosen} />
        {send.isError && <Trouble error={send.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={send.isPending || !chosen.length || chosen[0]?.code === unit?.code}>
            {t("act.confirm")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}
