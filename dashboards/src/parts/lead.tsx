// Who leads a raised incident, the agency or the centre above it, and what waits for the other's answer. The same panel on
// both sides. In: the record as this node knows it, whose side this is. Out: an act with a note; the page sends it.
import { useState } from "react";
import type { components } from "#schema";
import { useWords } from "../i18n";
import { NoteDialog } from "../views/alerts/dialogs";
import { ActButton, Tag } from "./button";
import { Panel } from "./panel";
import "./lead.css";
import { Text } from "./text";
import { Time } from "./time";

export type LeadShape = components["schemas"]["LeadShape"];
export type LeadAct = LeadShape["can"][number];
type Side = LeadShape["leader"];

type Props = { lead: LeadShape; side: Side; other: string; may: boolean; pending: boolean; onAct: (act: LeadAct, note: string) => void };

export function LeadPanel({ lead, side, other, may, pending, onAct }: Props) {
  const { t, language } = useWords();
  const [asking, setAsking] = useState<LeadAct | null>(null);
  const mine = lead.leader === side;
  const first = other.charAt(0).toUpperCase() + other.slice(1); // where the name begins the sentence
  const offered = lead.offered_by === null ? null : lead.offered_by === side ? (mine ? "gave" : "took") : mine ? "takes" : "gives";
  const word = (act: LeadAct) => (act === "offer" ? t(mine ? "lead.give" : "lead.take", { other }) : t(`lead.${act}`));
  return (
    <Panel title={t("lead.title")} className="lead">
      <p className="lead-who">
        <Tag tone={mine ? "info" : "plain"}>{t(mine ? "lead.mine" : "lead.theirs", { other: first })}</Tag>
        {lead.changed_at && lead.term > 1 && !offered && <Time at={lead.changed_at} />}
      </p>
      {offered && (
        <p role="status">
          {t(`lead.wait.${offered}`, { other: offered === "gave" && language === "vi" ? other : first })} {lead.changed_at && <Time at={lead.changed_at} short />}
        </p>
      )}
      {offered && lead.note && (
        <blockquote className="word">
          <Text>{lead.note}</Text>
        </blockquote>
      )}
      {lead.wanted && (
        <p role="status">
          {t("lead.sent", { act: word(lead.wanted.act), by: lead.wanted.by })} <Time at={lead.wanted.at} short />
        </p>
      )}
      {(offered || lead.wanted) && <p className="muted">{t("lead.until")}</p>}
      {may && lead.can.length > 0 && (
        <div className="acts">
          {lead.can.map((act) => (
            <ActButton key={act} tone={act === "accept" ? "main" : act === "withdraw" ? "quiet" : "plain"} disabled={pending} onClick={() => setAsking(act)}>
              {word(act)}
            </ActButton>
          ))}
        </div>
      )}
      {asking && (
        <NoteDialog
          title={word(asking)}
          label={t("lead.note", { other })}
          send={t("act.confirm")}
          optional
          onClose={() => setAsking(null)}
          onDone={(note) => {
            setAsking(null);
            onAct(asking, note);
          }}
        />
      )}
    </Panel>
  );
}
