// Where a raised item is on its way to the centre, step by step, and why it waits.
import type { Delivery } from "../api/types";
import { useWords } from "../i18n";
import { Tag } from "./button";
import { refOf } from "../app/names";
import { Text } from "./text";
import { Time } from "./time";

const STEPS = ["waiting", "sent", "received", "acknowledged"] as const;

export function DeliveryTag({ delivery }: { delivery: Delivery | null }) {
  const { t } = useWords();
  if (!delivery) return <span className="muted">{t("delivery.none")}</span>;
  const tone = { waiting: "warn", sent: "info", received: "info", acknowledged: "ok", refused: "bad" } as const;
  return <Tag tone={tone[delivery.state]}>{t(`delivery.state.${delivery.state}`)}</Tag>;
}

export function DeliveryWay({ delivery }: { delivery: Delivery }) {
  const { t, pick, language } = useWords();
  const at = delivery.state === "refused" ? 1 : STEPS.indexOf(delivery.state);
  const steps = delivery.state === "refused" ? (["waiting", "sent", "refused"] as const) : STEPS;
  return (
    <>
      <ol className="way">
        {steps.map((step, index) => (
          <li key={step} className={step === "refused" ? "way-refused" : index <= at ? "way-done" : "way-open"} aria-current={step === delivery.state ? "step" : undefined}>
            <span className="way-dot" aria-hidden="true">
              {step === "refused" ? "✕" : index <= at ? "✓" : index + 1}
            </span>
            {t(`delivery.state.${step}`)}
          </li>
        ))}
      </ol>
      <dl className="facts">
        <div>
          <dt>{t("delivery.queued")}</dt>
          <dd>
            <Time at={delivery.queued_at} />
          </dd>
        </div>
        {delivery.receipt && (
          <div>
            <dt>{t("delivery.receipt")}</dt>
            <dd>
              <span className="figures">{delivery.receipt.id}</span> · <Text>{delivery.receipt.by}</Text> · <Time at={delivery.receipt.at} />
            </dd>
          </div>
        )}
        {!delivery.receipt && delivery.attempts > 0 && (
          <div>
            <dt>{t("delivery.attempts")}</dt>
            <dd>
              <span className="figures">{delivery.attempts}</span> · {t("delivery.last")} <Time at={delivery.last_attempt_at} />
            </dd>
          </div>
        )}
        {!delivery.receipt && delivery.next_attempt_at && delivery.state === "waiting" && (
          <div>
            <dt>{t("delivery.next")}</dt>
            <dd>
              <Time at={delivery.next_attempt_at} />
            </dd>
          </div>
        )}
        {delivery.last_error && delivery.state === "waiting" && (
          <div>
            <dt>{t("delivery.error")}</dt>
            <dd>
              <Text>{delivery.last_error}</Text>
            </dd>
          </div>
        )}
        {delivery.reason && (
          <div>
            <dt>{t("delivery.reason")}</dt>
            <dd lang={language}>
              <Text>{pick(delivery.reason)}</Text>
            </dd>
          </div>
        )}
        <div>
          <dt>{t("delivery.number")}</dt>
          <dd className="figures" title={delivery.item_id}>
            {refOf(delivery.item_id)} · r{delivery.item_revision} · #{delivery.sequence}
          </dd>
        </div>
      </dl>
    </>
  );
}
