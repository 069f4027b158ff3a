// The letter head: what the agency is called on its documents, who signs, who receives.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, post } from "../../api/client";
import type { Page } from "../../api/types";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Ask, Panel, Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import type { Organisation } from "./types";

const KEYS = ["parent", "name", "symbol", "place", "address", "focal", "phone", "email", "contact", "owner", "addressee", "capacity", "signer"] as const;

export function Organisations() {
  const { t } = useWords();
  const query = useQuery({ queryKey: ["organisations"], queryFn: ({ signal }) => get<Page<Organisation>>("/organisations", {}, signal) });
  return (
    <div className="clock-scroll" role="region" aria-label={t("clocks.tab.organisation")} tabIndex={0}>
      <Ask query={query} rows={6}>
        {({ items }) => (
          <>
            {items.map((one) => (
              <Head key={`${one.agency}/${one.revision}`} one={one} />
            ))}
          </>
        )}
      </Ask>
    </div>
  );
}

function Head({ one }: { one: Organisation }) {
  const { t } = useWords();
  const { can } = useSession();
  const client = useQueryClient();
  const [said, setSaid] = useState(one.said);
  const save = useMutation({
    mutationFn: () => post<Organisation>(`/organisations/${encodeURIComponent(one.agency)}`, { ...said, recipients: (said.recipients ?? []).map((line) => line.trim()).filter(Boolean) }, one.revision),
    onSuccess: () => {
      toast(t("clocks.saved"));
      void client.invalidateQueries({ queryKey: ["organisations"] });
      void client.invalidateQueries({ queryKey: ["incident"] });
    },
  });
  const may = can("inventory.manage");
  return (
    <Panel title={<Text>{one.said.name || one.agency}</Text>} aside={<span className="figures muted">{one.agency}</span>}>
      <form
        className="letter-head"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {KEYS.map((key) => (
          <label key={key} className="field">
            <span>
              {t(`clocks.head.${key}`)} {one.missing.includes(key) && <span className="clock-unverified">{t("clocks.head.missing")}</span>}
            </span>
            <input readOnly={!may} maxLength={200} value={said[key] ?? ""} onChange={(event) => setSaid({ ...said, [key]: event.target.value })} />
          </label>
        ))}
        <label className="field letter-head-wide">
          <span>{t("clocks.head.recipients")}</span>
          <textarea readOnly={!may} rows={4} value={(said.recipients ?? []).join("\n")} onChange={(event) => setSaid({ ...said, recipients: event.target.value.split("\n").slice(0, 12) })} />
        </label>
        {save.isError && <Trouble error={save.error} />}
        {may && (
          <p className="acts letter-head-wide">
            <ActButton type="submit" tone="main" disabled={save.isPending}>
              {t("clocks.save")}
            </ActButton>
          </p>
        )}
      </form>
    </Panel>
  );
}
