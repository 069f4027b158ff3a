// On an incident's page, where a node stands above this one: who leads it, and asking to change that.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { components } from "#schema";
import { get, post } from "../../api/client";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { type LeadAct, LeadPanel } from "../../parts/lead";
import { useExplain } from "../../parts/panel";

type Shape = components["schemas"]["IncidentLead"];

export function IncidentLead({ id }: { id: string }) {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const path = `/incidents/${encodeURIComponent(id)}/lead`;
  const query = useQuery({ queryKey: ["incident", id, "lead"], queryFn: ({ signal }) => get<Shape>(path, {}, signal) });
  const send = useMutation({
    mutationFn: ({ act, note }: { act: LeadAct; note: string }) => post<Shape>(path, { act, ...(note ? { note } : {}) }, query.data?.revision),
    onSuccess: () => toast(t("lead.done")),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => client.invalidateQueries({ queryKey: ["incident", id] }),
  });
  if (!query.data?.lead) return null;
  return <LeadPanel lead={query.data.lead} side="agency" other={t("lead.above")} may={can("incidents.raise")} pending={send.isPending} onAct={(act, note) => send.mutate({ act, note })} />;
}
