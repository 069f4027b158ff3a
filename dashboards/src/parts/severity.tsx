// Severity is never colour alone: a filled shape of its own and the word. In rows the shape is filled and the word has
// the level's ink; the heading of one thing is a chip filled with the level's colour (project design, A15).
import { useWords } from "../i18n";
import type { Level } from "../api/types";

export const LEVELS: readonly Level[] = ["critical", "high", "medium", "low", "informational"];

export function Shape({ level }: { level: Level }) {
  return (
    <svg className={`shape level-${level}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {level === "critical" && (
        <>
          <path d="M8 .8 15.2 8 8 15.2.8 8z" />
          <circle className="shape-dot" cx="5.6" cy="8" r="1.3" />
          <circle className="shape-dot" cx="10.4" cy="8" r="1.3" />
        </>
      )}
      {level === "high" && <path d="M8 1.5 15.2 14.3H.8z" />}
      {level === "medium" && <rect x="2" y="2" width="12" height="12" />}
      {level === "low" && <circle cx="8" cy="8" r="6.2" />}
      {level === "informational" && <circle className="shape-hollow" cx="8" cy="8" r="5.2" />}
    </svg>
  );
}

export function Severity({ level, pill = false }: { level: Level; pill?: boolean }) {
  const { t } = useWords();
  return (
    <span className={`severity level-${level}${pill ? " severity-pill" : ""}`}>
      <Shape level={level} />
      <span>{t(`level.${level}`)}</span>
    </span>
  );
}
