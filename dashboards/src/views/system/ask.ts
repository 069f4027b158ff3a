// A panel's own question, asked again every fifteen seconds; panels that ask the same share the answer.
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";

export function useAsk<T>(key: string, path: string, query: Record<string, string | number> = {}) {
  return useQuery({ queryKey: [key, path], queryFn: ({ signal }) => get<T>(path, query, signal), refetchInterval: 15_000 });
}
