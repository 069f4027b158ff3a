// 24 hours in 24 bars; the scale is the row's own, its largest hour is written in the tooltip.
import { useWords } from "../i18n";
import { count } from "../app/text";

export function Spark({ values, wide = false }: { values: readonly number[]; wide?: boolean }) {
  const { t, language } = useWords();
  const top = Math.max(1, ...values);
  const label = t("spark.label", { top: count(top, language) });
  return (
    <svg
      className={wide ? "spark spark-wide" : "spark"}
      viewBox="0 0 96 20"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      {values.slice(-24).map((value, index) => {
        const height = value ? Math.max(2, (value / top) * 19) : 0.75;
        return (
          <rect
            key={index}
            className={value ? "spark-bar" : "spark-zero"}
            x={index * 4}
            y={20 - height}
            width={3}
            height={height}
          />
        );
      })}
    </svg>
  );
}
