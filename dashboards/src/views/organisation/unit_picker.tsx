// One or several units of the register, chosen by name: today's or an old one, with or without diacritics.
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { get } from "../../api/client";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Icon } from "../../parts/icons";
import { Text } from "../../parts/text";
import type { UnitWhole } from "./types";

const SHOWN = 8;

export type Chosen = { code: string; name: string };
type Props = { label: string; chosen: readonly Chosen[]; onChange: (chosen: Chosen[]) => void; many?: boolean };

export function UnitPicker({ label, chosen, onChange, many = false }: Props) {
  const { t } = useWords();
  const id = useId();
  const [words, setWords] = useState("");
  const q = words.trim().normalize("NFC");
  const query = useQuery({
    queryKey: ["organisation", "find", q],
    queryFn: ({ signal }) => get<{ items: UnitWhole[] }>("/organisation", { q }, signal),
    enabled: q.length > 0,
  });
  const found = (query.data?.items ?? []).filter((unit) => !chosen.some((one) => one.code === unit.code)).slice(0, SHOWN);
  const open = many || chosen.length === 0;
  return (
    <div className="field unit-picker">
      <label htmlFor={id}>{label}</label>
      {chosen.length > 0 && (
        <ul className="chips">
          {chosen.map((one) => (
            <li key={one.code}>
              <button type="button" className="chip chip-set" onClick={() => onChange(chosen.filter((other) => other.code !== one.code))} aria-label={t("organisation.remove", { name: one.name })}>
                <Text>{one.name}</Text> <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {/* Named by its label also while it is hidden: a label without a control would be one error more. */}
      <input id={id} type="search" autoComplete="off" hidden={!open} value={words} placeholder={t("organisation.find")} onChange={(event) => setWords(event.target.value)} />
      {open && q && (
        <ul className="unit-found" aria-live="polite">
          {found.map((unit) => (
            <li key={unit.code}>
              <ActButton
                tone="quiet"
                onClick={() => {
                  onChange(many ? [...chosen, { code: unit.code, name: unit.name }] : [{ code: unit.code, name: unit.name }]);
                  setWords("");
                }}
              >
                <Text>{unit.name}</Text>
                {unit.former.length > 0 && (
                  <span className="muted">
                    {" "}
                    · <Text>{unit.former.join(", ")}</Text>
                  </span>
                )}
              </ActButton>
            </li>
          ))}
          {query.data && found.length === 0 && <li className="muted">{t("organisation.notFound")}</li>}
        </ul>
      )}
    </div>
  );
}
