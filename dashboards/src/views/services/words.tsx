// A service's state, share and certificate in words: the share never without its base.
import { count } from "../../app/text";
import { momentOf } from "../../app/time";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { useLoose } from "../../parts/history";
import type { ServiceShort, ServiceState, Verdict } from "./types";

const SHAPES: Record<ServiceState | Verdict, string> = {
  up: "M2 8.5 6 12.5 14 3.5",
  slow: "M2 8h4l2-4 2 8 2-4h2",
  suspect: "M5 5a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M8 13v.5",
  down: "M3 3l10 10M13 3 3 13",
  unknown: "M3 8h10",
  maintenance: "M3 13 9 7M8 4a3.5 3.5 0 0 0 4 4l1.5-1.5A3.5 3.5 0 0 1 9.500 2.500z",
  unreachable: "M2 8h3M11 8h3M6.500 4l3 8",
};
const TONES = { up: "ok", slow: "warn", suspect: "warn", down: "bad", unknown: "plain", maintenance: "info", unreachable: "warn" } as const;

function Shape({ of }: { of: ServiceState | Verdict }) {
  return (
    <svg className="state-shape" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={SHAPES[of]} />
    </svg>
  );
}

export function StateTag({ state }: { state: ServiceState }) {
  const { t } = useWords();
  return (
    <Tag tone={TONES[state]} title={t(`services.why.${state}`)}>
      <Shape of={state} /> {t(`services.state.${state}`)}
    </Tag>
  );
}

export function VerdictTag({ verdict }: { verdict: Verdict }) {
  const { t } = useWords();
  return (
    <Tag tone={TONES[verdict]}>
      <Shape of={verdict} /> {t(`services.verdict.${verdict}`)}
    </Tag>
  );
}

/** "99,93 %": two places, rounded down, so that an outage is never shown as 100. */
export function percent(share: number, language: string): string {
  const cut = Math.floor(share * 10_000) / 100;
  return `${new Intl.NumberFormat(language === "vi" ? "vi-VN" : "en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(cut)} %`;
}

export function Share({ of, lines = false }: { of: ServiceShort["availability"]; lines?: boolean }) {
  const { t, language } = useWords();
  if (of.share === null) return <span className="muted">{t("services.noBase")}</span>;
  const holes = { lost: count(of.minutes_lost, language), watched: count(of.minutes_watched, language), maintenance: count(of.minutes_maintenance, language) };
  return (
    <span className={lines ? "share share-lines" : "share"} title={t("services.base", holes)}>
      <span className="figures">{percent(of.share, language)}</span>{" "}
      <span className="muted figures share-base">{t(lines ? "services.base" : "services.baseShort", holes)}</span>
    </span>
  );
}

export function Latency({ ms }: { ms: number | null | undefined }) {
  const { language } = useWords();
  if (ms === null || ms === undefined) return <span className="muted">—</span>;
  return <span className="figures">{count(Math.round(ms), language)} ms</span>;
}

export function CertificateDays({ days, at }: { days: number | null; at: string | null }) {
  const { t } = useWords();
  if (days === null || !at) return <span className="muted">—</span>;
  const text = days < 0 ? t("services.expired") : t("services.days", { count: days });
  if (days > 30) return <span title={momentOf(at)}>{text}</span>;
  return (
    <Tag tone={days <= 7 ? "bad" : "warn"} title={momentOf(at)}>
      {text}
    </Tag>
  );
}

/** A reason of ours in words; "http-503" and what a later probe may say are shown as they are. */
export function useReason() {
  const loose = useLoose();
  return (reason: string) => (reason.startsWith("http-") ? `HTTP ${reason.slice(5)}` : reason ? loose("services.reason", reason) : "");
}
