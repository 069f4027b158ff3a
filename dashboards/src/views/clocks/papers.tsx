// Documents that were made: take as .docx or PDF, and say under which number they left.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { address, post } from "../../api/client";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { useExplain } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { type Handed, HandOver } from "./handover";
import type { Clock, Paper } from "./types";

/** What this paper may meet: the deadlines of its incident, or of its agency and year, that still run. */
function meetable(paper: Paper, clocks: readonly Clock[]): { clocks: Clock[]; meant: number[] } {
  const running = clocks.filter((clock) => (clock.state === "running" || clock.state === "overdue") && (paper.incident_id ? clock.incident?.id === paper.incident_id : clock.agency === paper.agency && clock.period === paper.period));
  const ofForm = running.filter((clock) => clock.form_id === paper.form_id).map((clock) => clock.id);
  // The year's two reports are two papers: one hand-over is meant for the one that is due first.
  return { clocks: running, meant: paper.incident_id ? ofForm : ofForm.slice(0, 1) };
}

export function Papers({ papers, clocks }: { papers: readonly Paper[]; clocks: readonly Clock[] }) {
  const { t, pick } = useWords();
  const { can } = useSession();
  const explain = useExplain();
  const client = useQueryClient();
  const [handing, setHanding] = useState<Paper | null>(null);
  const hand = useMutation({
    mutationFn: ({ paper, said }: { paper: Paper; said: Handed }) => post<Paper>(`/documents/${paper.id}/handover`, said, paper.revision),
    onSuccess: (paper) => toast(t("clocks.handed", { number: paper.number ?? "" })),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => Promise.all(["incident", "clocks", "papers"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  if (papers.length === 0) return <p className="muted">{t("clocks.papers.none")}</p>;
  return (
    <>
      <ul className="papers">
        {papers.map((paper) => (
          <li key={paper.id}>
            <p>
              <strong>{pick(paper.form)}</strong> {paper.period && <span className="figures">{paper.period}</span>} <span className="figures muted">{paper.id}</span>
            </p>
            <p className="muted">
              <Text>{paper.made_name}</Text> · <Time at={paper.made_at} />
            </p>
            {paper.handed_at && (
              <p>
                <Tag tone="ok">✓ {t("clocks.papers.handed")}</Tag> <Text>{paper.number ?? ""}</Text> · <Time at={paper.handed_at} /> <Text>{paper.handed_to ?? ""}</Text>
              </p>
            )}
            <p className="acts">
              <a className="button" href={address(`/documents/${paper.id}/file`, { format: "docx" })} download>
                .docx
              </a>
              <a className="button" href={address(`/documents/${paper.id}/file`, { format: "pdf" })} download>
                PDF
              </a>
              {can("incidents.work") && !paper.handed_at && <ActButton onClick={() => setHanding(paper)}>{t("clocks.hand.title")}</ActButton>}
            </p>
          </li>
        ))}
      </ul>
      {handing && (
        <HandOver
          title={`${t("clocks.hand.title")} · ${handing.id}`}
          {...meetable(handing, clocks)}
          onClose={() => setHanding(null)}
          onDone={(said) => {
            hand.mutate({ paper: handing, said });
            setHanding(null);
          }}
        />
      )}
    </>
  );
}
