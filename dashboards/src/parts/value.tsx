// A value of an event (address, name, account) and what one can do with it: hunt for it, list its alerts, copy it.
import { useRef } from "react";
import { Button, Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { copy } from "../app/copy";
import { go, href } from "../app/route";
import { useSession } from "../app/session";
import { isCode, term, visible } from "../app/text";
import { toast } from "../app/toasts";
import { useWords } from "../i18n";
import { Text } from "./text";

export function Value({ field, value }: { field: string; value: string }) {
  const { t } = useWords();
  const { can } = useSession();
  const shown = useRef<HTMLButtonElement>(null);
  const act = (key: string | number) => {
    if (key === "hunt") go(href("/hunt", { q: term(field, value) }));
    if (key === "alerts") go(href("/alerts", { entity: `${field}:${value}`, status: "all" }));
    if (key === "copy") void copy(value, shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }));
  };
  return (
    <MenuTrigger>
      <Button ref={shown} className="value" aria-label={`${field} ${visible(value)}`}>
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
