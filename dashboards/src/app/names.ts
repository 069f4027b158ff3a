// Names for what the wire calls by code: an agency by what it is called, a raised item by the number that people know.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get } from "../api/client";
import type { Shared } from "../api/types";
import { useSession } from "./session";

/** "SC-2026-000001.6921f0b3" is SC-2026-000001 to people: what follows the dot only tells two databases apart. */
export const refOf = (itemId: string) => itemId.split(".", 1)[0] ?? itemId;

/** The name of an agency as far as the API tells it: this node's own, those of one's roles, and those that share an indicator. Else its code. */
export function useAgencyName(): (code: string) => string {
  const { me, can } = useSession();
  const shared = useQuery({
    queryKey: ["shared"],
    queryFn: ({ signal }) => get<{ items: Shared[] }>("/inbox/shared", {}, signal),
    enabled: can("inbox.read"),
    staleTime: 60_000,
  });
  return useMemo(() => {
    const known = new Map([[me.node.agency, me.node.name]]);
    for (const grant of me.grants) if (grant.agency && grant.agency_name) known.set(grant.agency, grant.agency_name);
    for (const item of shared.data?.items ?? []) for (const agency of item.agencies) known.set(agency.code, agency.name);
    return (code: string) => known.get(code) || code;
  }, [me.node.agency, me.node.name, me.grants, shared.data]);
}
