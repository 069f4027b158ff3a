// The rules and their versions. Who may, adds a version: nothing is overwritten, old incidents keep theirs.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../../api/client";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Ask, Panel } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Source } from "./countdown";
import { RuleForm } from "./rule_form";
import type { ClockRule, ClockRules } from "./types";

/** Its last day lies behind us: it still holds for incidents of its time, and stands below the others. */
const over = (rule: ClockRule) => rule.valid_to !== null && rule.valid_to < new Date().toISOString().slice(0, 10);
const day = (iso: string) => iso.split("-").reverse().join("/");

function useGiven() {
  const { t } = useWords();
  return ({ clock }: ClockRule) =>
    clock.starts === "calendar"
      ? t("clocks.rule.day", { day: (clock.day ?? "").split("-").reverse().join("/") })
      : clock.hours === 0
        ? t("clocks.rule.atOnce")
        : t(`clocks.rule.from.${clock.starts}`, { hours: clock.hours ?? 0 });
}

export function Rules() {
  const { t, pick } = useWords();
  const given = useGiven();
  const [editing, setEditing] = useState<{ rule: ClockRule | null } | null>(null);
  const query = useQuery({ queryKey: ["clock-rules"], queryFn: ({ signal }) => get<ClockRules>("/clock-rules", {}, signal) });
  return (
    <div className="clock-scroll" role="region" aria-label={t("clocks.tab.rules")} tabIndex={0}>
      <Ask query={query} rows={6}>
        {({ items, editable, from_above }) => (
          <>
          <div className="clock-rules-head">
            <p className="muted">{t(from_above ? "clocks.rule.fromAbove" : "clocks.rule.hint")}</p>
            {editable && <ActButton onClick={() => setEditing({ rule: null })}>{t("clocks.rule.new")}</ActButton>}
          </div>
          <ul className="clock-rules">
            {items
              .filter((rule) => rule.newest)
              .sort((one, other) => Number(over(one)) - Number(over(other)))
              .map((rule) => (
                <li key={rule.id}>
                  <Panel
                    title={<Text>{pick(rule.text)}</Text>}
                    aside={
                      editable && (
                        <ActButton onClick={() => setEditing({ rule })}>{t("clocks.rule.edit")}</ActButton>
                      )
                    }
                  >
                    <p className="values">
                      <Tag tone="info">{given(rule)}</Tag>
                      {rule.clock.again_h && <Tag tone="info">{t("clocks.rule.again", { hours: rule.clock.again_h })}</Tag>}
                      <Tag>{t(`clocks.trigger.${rule.trigger}`)}</Tag>
                      {over(rule) && <Tag>{t("clocks.rule.over")}</Tag>}
                    </p>
                    <p>
                      <Source of={rule} />
                    </p>
                    <p className="muted">
                      {rule.valid_to ? t("clocks.rule.span", { from: day(rule.valid_from), to: day(rule.valid_to) }) : t("clocks.rule.since", { from: day(rule.valid_from) })} · {rule.recipients.map((who) => pick(who)).join("; ")}
                    </p>
                    <p className="muted">
                      <Text>{rule.source}</Text>
                    </p>
                    <Older rules={items.filter((other) => other.id === rule.id && !other.newest)} given={given} />
                  </Panel>
                </li>
              ))}
          </ul>
          </>
        )}
      </Ask>
      {editing && query.data && <RuleForm rule={editing.rule} known={query.data.items} onClose={() => setEditing(null)} />}
    </div>
  );
}

function Older({ rules, given }: { rules: readonly ClockRule[]; given: (rule: ClockRule) => string }) {
  const { t } = useWords();
  if (rules.length === 0) return null;
  return (
    <details>
      <summary>{t("clocks.rule.older", { count: rules.length })}</summary>
      <ul>
        {rules.map((rule) => (
          <li key={rule.version}>
            {t("clocks.version", { version: rule.version })} · {given(rule)} · {t("clocks.rule.since", { from: day(rule.valid_from) })} · <Text>{rule.made_name}</Text> <Time at={rule.made_at} />
          </li>
        ))}
      </ul>
    </details>
  );
}
