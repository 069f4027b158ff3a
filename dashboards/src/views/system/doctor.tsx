// What `luytre doctor` finds at low cost: the last run, what is wrong first, each with what to do.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { components } from "#schema";
import { get, post } from "../../api/client";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Ask, Panel, useExplain } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";

type Schemas = components["schemas"];

export function Doctor() {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const explain = useExplain();
  const query = useQuery({ queryKey: ["doctor"], queryFn: ({ signal }) => get<Schemas["Doctor"]>("/system/doctor", {}, signal) });
  const run = useMutation({
    mutationFn: () => post<Schemas["Doctor"]>("/system/doctor"),
    onSuccess: (found) => client.setQueryData(["doctor"], found),
    onError: (error) => toast(explain(error).text, { bad: true }),
  });
  const tone = { ok: "ok", note: "warn", bad: "bad", skipped: "plain" } as const;
  const order = ["bad", "note", "skipped", "ok"];
  return (
    <Panel
      title={t("health.doctor")}
      aside={
        <span>
          {query.data?.at && <Time at={query.data.at} short />}{" "}
          {can("system.manage") && (
            <ActButton disabled={run.isPending} onClick={() => run.mutate()}>
              {t(run.isPending ? "health.running" : "health.run")}
            </ActButton>
          )}
        </span>
      }
    >
      <Ask query={query}>
        {({ checks }) => {
          const wrong = checks.filter(({ verdict }) => verdict === "bad" || verdict === "note").sort((x, y) => order.indexOf(x.verdict) - order.indexOf(y.verdict));
          if (!checks.length)
            return (
              <p className="muted">
                {t("health.never")} <code className="figures">luytre doctor</code>
              </p>
            );
          return (
            <>
              <p className="muted">{t("health.counted", { ok: checks.filter(({ verdict }) => verdict === "ok").length, wrong: wrong.length })}</p>
              {wrong.length > 0 && (
                <Table>
                  <tbody>
                    {wrong.map((check) => (
                      <tr key={check.code}>
                        <td>
                          <Tag tone={tone[check.verdict]}>{t(`health.verdict.${check.verdict}`)}</Tag>
                        </td>
                        <td>
                          <strong>
                            <Text>{check.title}</Text>
                          </strong>{" "}
                          <span className="figures muted">{check.code}</span>
                          <div>
                            <Text>{check.value}</Text>
                          </div>
                          {check.fixes.map((fix) => (
                            <div key={fix.text + fix.command} className="muted">
                              → <Text>{fix.text}</Text> {fix.command && <code className="figures">{fix.command}</code>}
                            </div>
                          ))}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </Table>
              )}
            </>
          );
        }}
      </Ask>
    </Panel>
  );
}
