// /account — my own account: language, ways to log in, sessions, keys. Also the page before the first one, where the node
// asks for a second factor and there is none.
import { useQuery } from "@tanstack/react-query";
import { get } from "../../api/client";
import { useKeys } from "../../app/keys";
import { useTitle } from "../../app/live";
import { useSession, useSigning } from "../../app/session";
import type { View } from "../../app/views";
import { useWords } from "../../i18n";
import { ActButton, Tag } from "../../parts/button";
import { Mark } from "../../parts/icons";
import { Ask, Panel } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";
import { Passkeys, Password, Totp } from "./factors";
import { Keys, Sessions } from "./sessions";
import type { Account } from "./types";
import "./account.css";

const useAccount = () => useQuery({ queryKey: ["account", "self"], queryFn: ({ signal }) => get<Account>("/account", {}, signal) });

function Who() {
  const { t, language } = useWords();
  const { me } = useSession();
  const signing = useSigning();
  return (
    <Panel title={<Text>{me.user.name}</Text>} aside={<span className="figures muted"><Text>{me.user.username}</Text></span>}>
      <ul className="account-grants">
        {me.grants.map((grant, index) => (
          <li key={index}>
            <Tag>{t(`role.${grant.role}` as "role.analyst", { defaultValue: grant.role })}</Tag> {grant.agency ? <Text>{grant.agency_name ?? grant.agency}</Text> : t("people.everywhere")}
            {grant.until && (
              <span className="muted">
                {" "}
                {t("people.until")} <Time at={grant.until} short />
              </span>
            )}
          </li>
        ))}
      </ul>
      <label className="inline-field">
        <span>{t("account.language")}</span>
        <select value={language} onChange={(event) => void signing.language(event.target.value === "en" ? "en" : "vi")}>
          <option value="vi">Tiếng Việt</option>
          <option value="en">English</option>
        </select>
      </label>
    </Panel>
  );
}

function AccountPage() {
  const { t } = useWords();
  const query = useAccount();
  useTitle(t("account.title"));
  useKeys({});
  return (
    <div className="page page-wide">
      <header className="page-head">
        <h1>{t("account.title")}</h1>
      </header>
      <div className="account-columns">
        <div>
          <Who />
          <Ask query={query}>
            {(account) => (
              <>
                <Totp account={account} />
                <Passkeys account={account} />
                <Password account={account} />
              </>
            )}
          </Ask>
        </div>
        <div>
          <Sessions />
          <Keys />
        </div>
      </div>
    </div>
  );
}

/** Who must show a second factor and has none sees this and nothing else. */
export function Setup() {
  const { t } = useWords();
  const { me } = useSession();
  const signing = useSigning();
  const query = useAccount();
  useTitle(t("account.setupTitle"));
  return (
    <main className="page page-read setup" id="main">
      <header className="page-head page-head-row">
        <Mark />
        <h1>{t("account.setupTitle")}</h1>
        <div className="spread" />
        <ActButton onClick={() => void signing.out()}>{t("login.leave")}</ActButton>
      </header>
      <p>{t("account.setupWhy", { name: me.user.name })}</p>
      <Ask query={query}>
        {(account) => (
          <>
            <Totp account={account} />
            <Passkeys account={account} />
            <Password account={account} />
          </>
        )}
      </Ask>
    </main>
  );
}

export const view: View = { path: "/account", title: "account.title", permission: null, Component: AccountPage };
