// The few keys that a list lives by, under it; `?` shows them all.
import { useKeysEnabled } from "../app/keys";
import { useWords } from "../i18n";

export function KeyHints() {
  const { t } = useWords();
  if (!useKeysEnabled()) return null;
  return (
    <p className="hints muted" aria-hidden="true">
      <span>
        <kbd>j</kbd> <kbd>k</kbd> {t("hints.move")}
      </span>
      <span>
        <kbd>Enter</kbd> {t("hints.open")}
      </span>
      <span>
        <kbd>?</kbd> {t("keys.help")}
      </span>
    </p>
  );
}
