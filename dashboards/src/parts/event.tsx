// One event as a person reads it: when, what, from where to where, and every field behind it.
import { useState } from "react";
import type { EcsEvent } from "../api/types";
import { useWords } from "../i18n";
import { Text } from "./text";
import { Time } from "./time";
import { Value } from "./value";

type Flat = [string, string][];
const FIELDS_LIMIT = 400;

export function flatten(event: EcsEvent): Flat {
  const found: Flat = [];
  const walk = (value: unknown, path: string) => {
    if (found.length >= FIELDS_LIMIT || value === null || value === undefined) return;
    if (Array.isArray(value)) {
      for (const item of value) walk(item, path);
    } else if (typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) walk(inner, path ? `${path}.${key}` : key);
    } else found.push([path, String(value)]);
  };
  walk(event, "");
  return found;
}

// What says most about an event, in this order; the first that are there make its line.
const LINE = [
  "event.action",
  "event.outcome",
  "user.name",
  "source.ip",
  "destination.ip",
  "destination.port",
  "dns.question.name",
  "tls.client.server_name",
  "http.request.method",
  "url.original",
  "http.response.status_code",
  "user_agent.original",
  "service.name",
  "service.state",
  "rule.name",
  "process.name",
  "process.command_line",
  "message",
  "log.original",
  "event.original",
];
const PIVOTS = new Set(["source.ip", "destination.ip", "user.name", "dns.question.name", "host.name", "tls.client.server_name", "service.name", "destination.domain", "url.domain", "file.hash.sha256"]);
const LINE_LIMIT = 6;

export function EventLine({ event, matched }: { event: EcsEvent; matched?: ReadonlySet<string> }) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  const fields = flatten(event);
  const values = new Map(fields);
  const line = LINE.filter((field) => values.has(field)).slice(0, LINE_LIMIT);
  return (
    <li className="event">
      <div className="event-head">
        <button
          type="button"
          className="event-toggle"
          aria-expanded={open}
          aria-label={t(open ? "event.less" : "event.more")}
          onClick={() => setOpen(!open)}
        >
          <span aria-hidden="true">{open ? "▾" : "▸"}</span>
        </button>
        <Time at={values.get("@timestamp")} />
        <span className="tag tag-plain figures">{values.get("event.dataset") ?? "—"}</span>
        <span className="event-line">
          {line.map((field) => (
            <span key={field} className="event-word" title={field}>
              <Text mono>{values.get(field) ?? ""}</Text>
            </span>
          ))}
        </span>
      </div>
      {open && <Fields fields={fields} {...(matched ? { matched } : {})} />}
    </li>
  );
}

export function Fields({ fields, matched }: { fields: Flat; matched?: ReadonlySet<string> }) {
  return (
    <dl className="fields">
      {fields.map(([field, value], index) => (
        <div key={`${field}${index}`} className={matched?.has(field) ? "fields-matched" : undefined}>
          <dt className="figures">{field}</dt>
          <dd>{PIVOTS.has(field) ? <Value field={field} value={value} /> : <Text mono>{value}</Text>}</dd>
        </div>
      ))}
    </dl>
  );
}
