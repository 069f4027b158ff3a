// The question when a paper has left: number, time and recipient as a person types them, and which deadlines it meets.
import { useState } from "react";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Text } from "../../parts/text";
import type { Clock } from "./types";
import { moment, wall } from "./wall";

export type Handed = { at: string; number: string; to: string; clock_ids?: number[] };

/** `clocks`: what still runs and may be met by it; `meant`: those that the form is made for. */
export function HandOver({ title, to = true, clocks = [], meant = [], onClose, onDone }: { title: string; to?: boolean; clocks?: readonly Clock[]; meant?: readonly number[]; onClose: () => void; onDone: (said: Handed) => void }) {
  const { t, pick } = useWords();
  const [number, setNumber] = useState("");
  const [at, setAt] = useState(() => wall(Date.now()));
  const [whom, setWhom] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<number>>(() => new Set(meant));
  const when = moment(at);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (when) onDone({ at: when, number: number.trim(), to: whom.trim(), ...(clocks.length ? { clock_ids: [...chosen] } : {}) });
        }}
      >
        <label className="field">
          <span>{t("clocks.hand.number")}</span>
          <input autoFocus required={to} maxLength={64} placeholder="21/BC-…" value={number} onChange={(event) => setNumber(event.target.value)} />
        </label>
        <label className="field">
          <span>{t("clocks.hand.at")}</span>
          <input type="datetime-local" required value={at} onChange={(event) => setAt(event.target.value)} />
        </label>
        {to && (
          <label className="field">
            <span>{t("clocks.hand.to")}</span>
            <input maxLength={512} value={whom} onChange={(event) => setWhom(event.target.value)} />
          </label>
        )}
        {clocks.length > 0 && (
          <fieldset className="flag-set">
            <legend>{t("clocks.hand.meets")}</legend>
            {clocks.map((clock) => (
              <label key={clock.id} className="check">
                <input
                  type="checkbox"
                  checked={chosen.has(clock.id)}
                  onChange={(event) => {
                    const next = new Set(chosen);
                    if (event.target.checked) next.add(clock.id);
                    else next.delete(clock.id);
                    setChosen(next);
                  }}
                />
                <span>
                  <Text>{pick(clock.text)}</Text>
                </span>
              </label>
            ))}
            <p className="muted">{t("clocks.hand.meetsHint")}</p>
          </fieldset>
        )}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={!when}>
            {t("clocks.hand.done")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}
