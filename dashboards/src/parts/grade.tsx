// The grade of an information system (1 to 5, by law): a filled shield with its number, never colour alone; and the small
// tag by which an alert or incident names its system.
import type { Alert } from "../api/types";
import { href } from "../app/route";
import { useSession } from "../app/session";
import { useWords } from "../i18n";
import { Text } from "./text";
import "./grade.css";

export function Grade({ grade, words = false }: { grade: number | null; words?: boolean }) {
  const { t } = useWords();
  if (grade === null || grade === 0)
    return (
      <span className="grade-line muted" title={t("inventory.grade.noneWhy")}>
        {t("inventory.grade.none")}
      </span>
    );
  const said = t("inventory.grade.of", { grade });
  return (
    <span className="grade-line" title={said}>
      <span className={`grade grade-${grade}`} role="img" aria-label={said}>
        {grade}
      </span>
      {words && <span aria-hidden="true">{said}</span>}
    </span>
  );
}

export type Named = { id: string; name: string; kind: string; grade: number | null };

export function SystemTag({ system }: { system: Named }) {
  const { can } = useSession();
  const inside = (
    <>
      {system.grade !== null && <Grade grade={system.grade} />}
      <span className="system-name">
        <Text>{system.name}</Text>
      </span>
    </>
  );
  if (!can("inventory.read")) return <span className="system-tag">{inside}</span>;
  return (
    <a className="system-tag" href={href("/inventory", { open: system.id })} onClick={(event) => event.stopPropagation()}>
      {inside}
    </a>
  );
}

/** The points by which the queue is ordered; what they are made of on hover, or written out. */
export function Priority({ alert, whole = false }: { alert: Alert; whole?: boolean }) {
  const { pick } = useWords();
  const terms = alert.priority_terms.map((term) => `+${term.points} ${pick(term)}`).join(" · ");
  return (
    <span title={terms}>
      <span className="figures">{alert.priority}</span>
      {whole && <span className="muted"> = {terms}</span>}
    </span>
  );
}
