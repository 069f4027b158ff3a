// `?`: what can be pressed now, nearest layer first, and the switch that turns single-character keys off (WCAG 2.1.4).
import { useState } from "react";
import { useWords } from "../i18n";
import { Dialog } from "../parts/dialog";
import { activeKeys, setKeysEnabled, useKeysEnabled } from "./keys";

export function KeyTable({ onClose }: { onClose: () => void }) {
  const { t } = useWords();
  const on = useKeysEnabled();
  const [keys] = useState(activeKeys);
  return (
    <Dialog title={t("keys.title")} onClose={onClose} wide>
      <dl className="keys">
        <div>
          <dt>
            <kbd>Ctrl</kbd>
            <kbd>K</kbd>
          </dt>
          <dd>{t("palette.title")}</dd>
        </div>
        {keys.map(({ combo, label }) => (
          <div key={combo}>
            <dt>
              {combo.split(" ").map((part) => (
                <kbd key={part}>{part.replace("Shift+", "⇧ ")}</kbd>
              ))}
            </dt>
            <dd>{t(label as "keys.title")}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={on} onChange={(event) => setKeysEnabled(event.target.checked)} /> {t("keys.enabled")}
      </label>
      <p className="muted">{t("keys.telex")}</p>
    </Dialog>
  );
}
