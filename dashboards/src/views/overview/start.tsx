// What a new node still lacks: each line is ticked by what the node has seen, never by a click, and says what to do next.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { post } from "../../api/client";
import { copy } from "../../app/copy";
import { href } from "../../app/route";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Icon } from "../../parts/icons";
import { Panel, useExplain } from "../../parts/panel";
import type { Step } from "./types";

const WHERE: Record<Step["key"], string | null> = { sensor: "/sensors", alert: null, inventory: "/inventory", channel: "/notices", person: "/people", upstream: null, backup: null };

function Command({ text }: { text: string }) {
  const { t } = useWords();
  const shown = useRef<HTMLElement>(null);
  return (
    <span className="start-command">
      <code ref={shown} className="figures">
        {text}
      </code>
      <button type="button" className="button-quiet" aria-label={`${t("value.copy")} ${text}`} title={t("value.copy")} onClick={() => void copy(text, shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }))}>
        <Icon name="copy" />
      </button>
    </span>
  );
}

function Line({ step }: { step: Step }) {
  const { t } = useWords();
  const client = useQueryClient();
  const explain = useExplain();
  const test = useMutation({
    mutationFn: () => post("/overview/selftest"),
    onSuccess: () => toast(t("overview.start.asked")),
    onError: (error) => toast(explain(error).text, { bad: true }),
    onSettled: () => setTimeout(() => void client.invalidateQueries({ queryKey: ["overview"] }), 4_000),
  });
  const to = WHERE[step.key];
  return (
    <li className={step.done ? "start-step start-done" : "start-step"}>
      <span className="start-tick" aria-hidden="true">
        {step.done && <Icon name="check" />}
      </span>
      <div>
        <p className="start-title">
          {t(`overview.start.${step.key}.title`)} <Tag tone={step.done ? "ok" : step.part ? "warn" : "plain"}>{t(step.done ? "overview.start.done" : step.part ? "overview.start.begun" : "overview.start.todo")}</Tag>
        </p>
        {!step.done && (
          <>
            <p className="muted">{t(step.part ? `overview.start.part.${step.part}` : `overview.start.${step.key}.why`)}</p>
            <p className="start-acts">
              {to && (
                <a className="button" href={href(to)}>
                  {t(`overview.start.${step.key}.act` as "overview.start.sensor.act")}
                </a>
              )}
              {step.key === "alert" && (
                <ActButton disabled={test.isPending} onClick={() => test.mutate()}>
                  {t("overview.start.alert.act")}
                </ActButton>
              )}
              {step.command && <Command text={step.command} />}
            </p>
          </>
        )}
      </div>
    </li>
  );
}

export function Start({ steps }: { steps: readonly Step[] }) {
  const { t } = useWords();
  const done = steps.filter((step) => step.done).length;
  return (
    <Panel
      className="start"
      title={t("overview.start.title")}
      aside={
        <span className="figures muted">
          {done}/{steps.length}
        </span>
      }
    >
      <ol>
        {steps.map((step) => (
          <Line key={step.key} step={step} />
        ))}
      </ol>
    </Panel>
  );
}
