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
import type { Paper } from "./types";

export function Papers({ papers }: { papers: readonly Paper[] }) {
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
