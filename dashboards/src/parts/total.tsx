// How many there are, beside the title of a list: the figure in its own face, the word in its number.
import { count } from "../app/text";
import { useWords } from "../i18n";

/** Keys whose words have a singular where the language has one. */
type Of = "alerts.shown" | "incidents.shown" | "inbox.shown" | "rules.shown" | "indicators.shown" | "services.shown" | "inventory.shown" | "inventory.assetsShown";

export function Total({ of, total }: { of: Of; total: number }) {
  const { t, language } = useWords();
  return (
    <span className="muted page-count">
      <span className="figures">{count(total, language)}</span> {t(of, { count: total })}
    </span>
  );
}
