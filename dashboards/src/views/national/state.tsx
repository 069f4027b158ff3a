// The four states of a connection: a shape and a word each, never colour alone.
import { useWords } from "../../i18n";
import type { AgencyState } from "./types";

export const STATES: readonly AgencyState[] = ["connected", "lagging", "silent", "never"];
const SHAPES: Record<AgencyState, string> = {
  connected: "M3 8.5 6.5 12 13 4.5",
  lagging: "M8 2.5 14 13H2zM8 6.5v3",
  silent: "M4 4l8 8M12 4l-8 8",
  never: "M4 8h8",
};

export function StateMark({ state }: { state: AgencyState }) {
  return (
    <svg className={`state-mark state-${state}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={SHAPES[state]} />
    </svg>
  );
}

export function StateWord({ state, title }: { state: AgencyState; title?: string }) {
  const { t } = useWords();
  return (
    <span className={`state-word state-${state}`} title={title}>
      <StateMark state={state} /> {t(`national.state.${state}`)}
    </span>
  );
}
