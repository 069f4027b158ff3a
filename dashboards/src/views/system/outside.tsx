// What leaves the node for its centre, and what it could not take in.
import type { DeadLetter, DeliveryPage, Page } from "../../api/types";
import { count } from "../../app/text";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { DeliveryTag } from "../../parts/delivery";
import { Empty } from "../../parts/empty";
import { Ask, Panel } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { useAsk } from "./ask";

export function Deliveries() {
  const { t, pick } = useWords();
  const query = useAsk<DeliveryPage>("deliveries", "/deliveries", { limit: 20 });
  return (
    <Panel
      title={t("delivery.title")}
      aside={
        query.data && (
          <span>
            {query.data.link.upstream ? (
              <Tag tone={query.data.link.connected ? "ok" : "warn"}>{t(query.data.link.connected ? "delivery.connected" : "delivery.cut")}</Tag>
            ) : (
              <Tag>{t("delivery.unlinked")}</Tag>
            )}{" "}
            <span className="muted">
              <Ago at={query.data.link.last_contact_at} />
            </span>
          </span>
        )
      }
    >
      <Ask query={query}>
        {({ items, link }) => (
          <>
            {link.last_error && !link.connected && (
              <p className="bad-text">
                <Text>{link.last_error}</Text>
              </p>
            )}
            {items.length === 0 ? (
              <Empty kind="nothing" title={t("delivery.empty")} />
            ) : (
              <Table>
                <tbody>
                  {items.map((delivery) => (
                    <tr key={`${delivery.item_id} ${delivery.sequence}`}>
                      <td className="figures">{delivery.ref}</td>
                      <td>
                        <DeliveryTag delivery={delivery} />
                      </td>
                      <td>
                        <Time at={delivery.queued_at} />
                      </td>
                      <td>
                        <Text>{delivery.reason ? pick(delivery.reason) : (delivery.last_error ?? "")}</Text>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )}
          </>
        )}
      </Ask>
    </Panel>
  );
}

export function DeadLetters() {
  const { t, language } = useWords();
  const query = useAsk<Page<DeadLetter>>("dead-letters", "/dead-letters", { limit: 20 });
  return (
    <Panel title={t("dead.title")} aside={query.data && <span className="figures muted">{count(query.data.total, language)}</span>}>
      <Ask query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty kind="done" title={t("dead.none")}>
              {t("dead.noneWhy")}
            </Empty>
          ) : (
            <Table>
              <tbody>
                {items.map((letter, index) => (
                  <tr key={index}>
                    <td>
                      <Time at={letter.at} />
                    </td>
                    <td>
                      <Text>{letter.sender}</Text>
                    </td>
                    <td className="figures">{letter.status}</td>
                    <td>
                      <Text>{letter.reason}</Text>
                      {letter.excerpt && (
                        <div className="excerpt">
                          <Text mono>{letter.excerpt}</Text>
                        </div>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </Table>
          )
        }
      </Ask>
    </Panel>
  );
}
