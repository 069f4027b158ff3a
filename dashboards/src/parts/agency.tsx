// The agency that a new thing shall belong to, as a field of a form. Out: its code under `name`, or through `onChange`.
// Who has roles in certain agencies chooses among them by name. Who has one everywhere may type any code: the node may
// serve agencies below its own that no answer has named yet; the server refuses what is out of reach.
import { useId, useState } from "react";
import { useAgencyName } from "../app/names";
import { useSession } from "../app/session";

/** Where whoever is signed in works: the first agency of their roles, else the node's own. */
export function useOwnAgency(): string {
  const { me } = useSession();
  return me.grants.find((grant) => grant.agency)?.agency ?? me.node.agency;
}

type Props = { label: string; name?: string; value?: string | undefined; fixed?: boolean; onChange?: (code: string) => void };

export function AgencyField({ label, name, value, fixed = false, onChange }: Props) {
  const { me } = useSession();
  const own = useOwnAgency();
  const nameOf = useAgencyName();
  const list = useId();
  const [code, setCode] = useState(value ?? own);
  const set = (next: string) => {
    setCode(next);
    onChange?.(next);
  };
  const everywhere = me.grants.some((grant) => grant.agency === null);
  const known = [...new Set([...(everywhere ? [me.node.agency] : []), ...me.grants.flatMap((grant) => grant.agency ?? []), code])].filter(Boolean);
  const named = nameOf(code) === code ? "" : nameOf(code);
  return (
    <label className="field">
      <span>{label}</span>
      {fixed ? (
        <>
          <input readOnly value={named || code} />
          {name && <input type="hidden" name={name} value={code} />}
        </>
      ) : everywhere ? (
        <>
          <input name={name} required maxLength={64} list={list} value={code} onChange={(event) => set(event.target.value.trim())} />
          <datalist id={list}>
            {known.map((one) => (
              <option key={one} value={one}>
                {nameOf(one)}
              </option>
            ))}
          </datalist>
          {named && <small className="muted">{named}</small>}
        </>
      ) : (
        <select name={name} required value={code} onChange={(event) => set(event.target.value)}>
          {known.map((one) => (
            <option key={one} value={one}>
              {nameOf(one)}
            </option>
          ))}
        </select>
      )}
    </label>
  );
}
