// The question when a paper has left: number, time and recipient as a person types them.
import { useState } from "react";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";

export type Handed = { at: string; number: string; to: string };

const OFFSET_MS = 7 * 3_600_000; // Vietnam's official time, whatever the machine is set to
const wall = (now: number) => new Date(now + OFFSET_MS).toISOString().slice(0, 16);
const moment = (text: string) => new Date(Date.parse(`${text}:00Z`) - OFFSET_MS).toISOString();

export function HandOver({ title, to = true, onClose, onDone }: { title: string; to?: boolean; onClose: () => void; onDone: (said: Handed) => void }) {
  const { t } = useWords();
  const [number, setNumber] = useState("");
  const [at, setAt] = useState(() => wall(Date.now()));
  const [whom, setWhom] = useState("");
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onDone({ at: moment(at), number: number.trim(), to: whom.trim() });
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
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <button type="submit" className="button button-main">
            {t("clocks.hand.done")}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
