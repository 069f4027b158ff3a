// On a raised incident: who leads it, the agency or this centre.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { post } from "../../api/client";
import type { RaisedDetail } from "../../api/types";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { type LeadAct, LeadPanel } from "../../parts/lead";
import { useExplain } from "../../parts/panel";

export function RaisedLead({ raised }: { raised: RaisedDetail }) {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const send = useMutation({
    mutationFn: ({ act, note }: { act: LeadAct; note: string }) => post<RaisedDetail>(`/inbox/${encodeURIComponent(raised.id)}/lead`, { act, ...(note ? { note } : {}) }, raised.revision),
    onSuccess: (after) => {
      client.setQueryData(["raised", raised.id], after);
      toast(t("lead.done"));
    },
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["raised", raised.id] });
      void client.invalidateQueries({ queryKey: ["inbox"] });
    },
  });
  if (!raised.lead) return null;
  return <LeadPanel lead={raised.lead} side="centre" other={raised.agency_name || raised.agency} may={can("inbox.work")} pending={send.isPending} onAct={(act, note) => send.mutate({ act, note })} />;
}
