// A value of an event (address, name, account) and what one can do with it: hunt for it, list its alerts, copy it.
import { Button, Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { go, href } from "../app/route";
import { useSession } from "../app/session";
import { isCode, term, visible } from "../app/text";
import { toast } from "../app/toasts";
import { useWords } from "../i18n";
import { Text } from "./text";

export function Value({ field, value }: { field: string; value: string }) {
  const { t } = useWords();
  const { can } = useSession();
  const act = (key: string | number) => {
    if (key === "hunt") go(href("/hunt", { q: term(field, value) }));
    if (key === "alerts") go(href("/alerts", { entity: `${field}:${value}`, status: "all" }));
    if (key === "copy") {
      void navigator.clipboard
        .writeText(value)
        .then(() => toast(t("value.copied")), () => toast(t("value.copyRefused"), { bad: true }));
    }
  };
  return (
    <MenuTrigger>
      <Button className="value" aria-label={`${field} ${visible(value)}`}>
        <Text mono={isCode(value)}>{value}</Text>
      </Button>
      <Popover className="menu-popover">
        <Menu className="menu" onAction={act}>
          {can("events.read") && <MenuItem id="hunt">{t("value.hunt")}</MenuItem>}
          {can("alerts.read") && <MenuItem id="alerts">{t("value.alerts")}</MenuItem>}
          <MenuItem id="copy">{t("value.copy")}</MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
