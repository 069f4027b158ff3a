// To the centre's letters, where there are any: how many nobody here has read yet.
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";
import { href } from "../../app/route";
import { count } from "../../app/text";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import type { RemindedShape } from "../national/types";

export function RemindersLink() {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ["reminders"], queryFn: ({ signal }) => get<{ items: RemindedShape[] }>("/reminders", {}, signal) });
  const items = query.data?.items ?? [];
  const unread = items.filter((item) => !item.read_at).length;
  if (!items.length) return null;
  return (
    <a href={href("/reminders")}>
      {t("national.reminded.title")} {unread > 0 && <Tag tone="warn">{t("national.reminded.unread", { value: count(unread, language) })}</Tag>}
    </a>
  );
}
