import { momentOf, relative, utcOf, ZONE } from "../app/time";
import { useWords } from "../i18n";

/** dd/MM/yyyy HH:mm:ss in official time; UTC and how long ago on hover. */
export function Time({ at, since = false }: { at: string | null | undefined; since?: boolean }) {
  const { language } = useWords();
  if (!at) return <span className="muted">—</span>;
  const ago = relative(at, language, Date.now());
  return (
    <time className="figures" dateTime={at} title={`${momentOf(at)} ${ZONE} · ${utcOf(at)} · ${ago}`}>
      {momentOf(at)}
      {since && <span className="muted ago"> · {ago}</span>}
    </time>
  );
}

export function Ago({ at }: { at: string | null | undefined }) {
  const { language } = useWords();
  if (!at) return <span className="muted">—</span>;
  return (
    <time className="words-only" dateTime={at} title={`${momentOf(at)} ${ZONE} · ${utcOf(at)}`}>
      {relative(at, language, Date.now())}
    </time>
  );
}
