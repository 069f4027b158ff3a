"""Postfix: who connected, who was refused, who logged in to send, and what became of each message.

In:  the message of a syslog line of one of Postfix's daemons. Out: dataset `postfix.mail`; `event.action` is
     `mail_connection`, `mail_login` (SASL; outcome success or failure), `mail_rejected`, `mail_client`, `mail_queued`,
     `mail_message_id`, `mail_delivery` (outcome failure when bounced, unknown when deferred), `mail_removed`,
     `mail_abuse` (talks before its turn, something that is not SMTP). `email.local_id` is the queue id.
     A line of Postfix that says none of this keeps its message.
The peer's address stands before anything that the peer may choose (HELO, sender, recipient, SASL name).
Bound: patterns see LONGEST characters. Source: postfix 3.9 src/smtpd/smtpd.c, smtpd_sasl_glue.c, smtpd_chat.c,
postscreen/, cleanup/cleanup_message.c, qmgr/qmgr_active.c, global/log_adhoc.c.
"""

from __future__ import annotations

import re
from typing import Any

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.text import peer

LONGEST = 4096  # a queue file's record is 2,048 bytes; a rejected line holds three of them at most
_PEER = r"(?P<domain>[^\[\] ]{0,255})\[(?P<ip>[^\[\]]{1,64})\](?::(?P<port>\d{1,5}))?"
_QUEUE = r"(?P<queue>[0-9A-F]{5,16}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,24})"  # short ids; enable_long_queue_ids
_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # what must stand in the message, action, outcome, the message
    (" authentication failed", "mail_login", "failure",
     (rf"(?:warning: )?{_PEER}: SASL (?P<method>[\w-]{{1,32}}) authentication failed(?:: (?P<reason>.*?))?"
     r"(?:, sasl_username=(?P<user>.*))?")),
    ("sasl_username=", "mail_login", "success",
     (rf"{_QUEUE}: client={_PEER}(?:, orig_queue_id=\w+, orig_client=\S+)?, sasl_method=(?P<method>[\w-]{{1,32}}), "
     r"sasl_username=(?P<user>.*?)(?:, sasl_sender=.*)?")),
    ("client=", "mail_client", "", rf"{_QUEUE}: client={_PEER}(?:, .*)?"),
    (": reject: ", "mail_rejected", "failure",
     (rf"(?:NOQUEUE|{_QUEUE}): (?:milter-)?reject: (?P<command>[A-Z-]{{1,16}})(?: command)? from {_PEER}: "
     r"(?P<code>\d{3}) (?:(?P<dsn>\d\.\d{1,3}\.\d{1,3}) )?(?P<reason>.*)")),
    ("connect from ", "mail_connection", "", rf"(?P<word>connect|disconnect) from {_PEER}(?: .*)?"),
    ("lost connection after ", "mail_connection", "",
     (rf"(?:(?:NOQUEUE|{_QUEUE}): )?(?P<word>lost connection|timeout) after (?P<command>[\w-]{{1,16}})[^\[]{{0,40}} "
     rf"from {_PEER}")),
    ("non-SMTP command from ", "mail_abuse", "failure", rf"warning: non-SMTP command from {_PEER}: (?P<reason>.*)"),
    ("improper command pipelining", "mail_abuse", "failure",
     rf"(?:warning: )?improper command pipelining after (?P<command>[\w-]{{1,16}}) from {_PEER}(?:: (?P<reason>.*))?"),
    ("PREGREET ", "mail_abuse", "failure", rf"PREGREET \d+ after [\d.]+ from {_PEER}: (?P<reason>.*)"),
    ("message-id=", "mail_message_id", "", rf"{_QUEUE}: (?:resent-)?message-id=<?(?P<message_id>[^<>]*)>?"),
    (": from=<", "mail_queued", "", rf"{_QUEUE}: from=<(?P<sender>[^>]*)>, size=(?P<size>\d{{1,15}}), nrcpt=\d+ .*"),
    (" status=", "mail_delivery", "",
     (rf"{_QUEUE}: to=<(?P<recipient>[^>]*)>, (?:orig_to=<[^>]*>, )?relay=(?P<relay>[^ ,]{{1,300}}), .*?"
     r"dsn=(?P<dsn>\d\.\d{1,3}\.\d{1,3}), status=(?P<status>[\w-]{1,32})(?: \((?P<reason>.*)\))?")),
    (": removed", "mail_removed", "", rf"{_QUEUE}: removed"),
)  # fmt: skip
_RULES = [(word, action, outcome, re.compile(pattern + r"\Z", re.DOTALL)) for word, action, outcome, pattern in _ROWS]
_ENVELOPE = re.compile(r"; from=<(?P<sender>[^>]*)> to=<(?P<recipient>[^>]*)>")
_RELAY = re.compile(r"(?P<domain>[^\[\]]{0,255})\[(?P<ip>[^\[\]]{1,64})\](?::(?P<port>\d{1,5}))?\Z")
_DELIVERED = {"sent": "success", "delivered": "success", "bounced": "failure", "expired": "failure"}


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str)


def parse(payload: Payload, context: Context) -> Parsed | None:
    if not isinstance(payload, str):
        return None
    text = payload[:LONGEST].rstrip()
    fields: dict[str, Any] = {"event.module": "postfix", "event.kind": "event"}
    for word, action, outcome, pattern in _RULES:
        if word in text and (found := pattern.match(text)):
            fields |= _fields(action, outcome, found.groupdict())
            break
    else:
        if "postfix" not in context.program:
            return None
    return Parsed(fields)


def _fields(action: str, outcome: str, part: dict[str, str | None]) -> dict[str, Any]:
    login = action == "mail_login"
    fields: dict[str, Any] = {
        "event.action": action,
        "event.category": ["authentication" if login else "network" if "queue" not in part else "email"],
        "event.reason": part.get("reason") or None,
        "email.local_id": part.get("queue"),
        "email.message_id": part.get("message_id"),
        "postfix.command": part.get("command"),
        "postfix.status": part.get("status") or part.get("word"),
        "postfix.dsn": part.get("dsn"),
        "postfix.reply_code": int(part.get("code") or 0) or None,
        "postfix.size": int(part.get("size") or 0) or None,
        "postfix.sasl.method": part.get("method"),
    }
    outcome = _DELIVERED.get(part.get("status") or "", "unknown") if action == "mail_delivery" else outcome
    fields["event.outcome"] = outcome or None
    fields["event.type"] = [{"success": "allowed", "failure": "denied"}.get(outcome, "info")]
    envelope = _ENVELOPE.search(part.get("reason") or "") if action == "mail_rejected" else None
    people = envelope.groupdict() if envelope else part
    fields["email.from.address"] = [people["sender"]] if people.get("sender") else None
    fields["email.to.address"] = [people["recipient"]] if people.get("recipient") else None
    if part.get("ip"):
        peer(fields, part["ip"], part.get("port"))
        fields["source.domain"] = None if part["domain"] in ("", "unknown") else part["domain"]
        if "source.ip" in fields:
            fields["related.ip"] = [fields["source.ip"]]
    relay = _RELAY.match(part.get("relay") or "")
    if relay:
        peer(fields, relay["ip"], relay["port"], "destination")
        fields["destination.domain"] = relay["domain"] or None
    if part.get("user"):
        fields["user.name"] = part["user"]
        fields["related.user"] = [part["user"]]
    return fields


FORMAT = Format(
    dataset="postfix.mail",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"postfix"}),  # and each of its services: postfix/smtpd, postfix/submission/smtpd, …
    bare=False,
    fields=(
        Field("email.local_id"), Field("email.message_id"), Field("email.from.address"), Field("email.to.address"),
        Field("postfix.command"), Field("postfix.status"), Field("postfix.dsn"), Field("postfix.reply_code", "long"),
        Field("postfix.size", "long"), Field("postfix.sasl.method"),
    ),
    examples=(
        Example(
            "Nov 22 09:11:01 mail postfix/smtpd[1234]: warning: unknown[203.0.113.9]: SASL LOGIN authentication "
            "failed: (reason unavailable), sasl_username=van-thu",
            {"event.action": "mail_login", "event.outcome": "failure", "source.ip": "203.0.113.9",
             "source.domain": None, "user.name": "van-thu", "postfix.sasl.method": "LOGIN",
             "process.name": "postfix/smtpd", "event.category": ["authentication"]},
        ),
        Example(
            "Nov 22 09:12:00 mail postfix/submission/smtpd[88]: 4F9D195432: client=may1.example.vn[192.0.2.10], "
            "sasl_method=PLAIN, sasl_username=van-thu",
            {"event.action": "mail_login", "event.outcome": "success", "source.domain": "may1.example.vn",
             "user.name": "van-thu", "email.local_id": "4F9D195432"},
        ),
        Example(
            "Nov 22 09:13:07 mail postfix/smtpd[5]: NOQUEUE: reject: RCPT from mx.example.net[198.51.100.7]: 554 "
            "5.7.1 <a@example.org>: Relay access denied; from=<b@example.net> to=<a@example.org> proto=ESMTP "
            "helo=<[192.0.2.1]>",
            {"event.action": "mail_rejected", "source.ip": "198.51.100.7", "postfix.reply_code": 554,
             "postfix.dsn": "5.7.1", "email.from.address": ["b@example.net"], "email.to.address": ["a@example.org"]},
        ),
        Example(
            "Nov 22 09:14:00 mail postfix/smtp[6]: 4F9D195432: to=<a@example.org>, "
            "relay=mx.example.org[192.0.2.25]:25, delay=0.9, delays=0.1/0/0.4/0.4, dsn=2.0.0, "
            "status=sent (250 2.0.0 Ok: queued as 9C1)",
            {"event.action": "mail_delivery", "event.outcome": "success", "destination.ip": "192.0.2.25",
             "destination.port": 25, "postfix.status": "sent", "event.category": ["email"]},
        ),
        Example(
            "Nov 22 09:14:01 mail postfix/qmgr[7]: 4F9D195432: from=<van-thu@example.vn>, size=1240, nrcpt=1 "
            "(queue active)",
            {"event.action": "mail_queued", "postfix.size": 1240, "email.from.address": ["van-thu@example.vn"]},
        ),
        Example(
            "Nov 22 09:15:00 mail postfix/postscreen[9]: PREGREET 16 after 2.6 from [203.0.113.77]:41323: "
            "EHLO 127.0.0.1",
            {"event.action": "mail_abuse", "source.ip": "203.0.113.77", "source.port": 41323},
        ),
        Example(
            "Nov 22 09:15:09 mail postfix/smtpd[9]: disconnect from unknown[203.0.113.77] ehlo=1 auth=0/1 commands=1/2",
            {"event.action": "mail_connection", "postfix.status": "disconnect", "event.category": ["network"]},
        ),
        Example(
            "Nov 22 09:16:00 mail postfix/master[1]: daemon started -- version 3.9.0",
            {"event.action": None, "message": "daemon started -- version 3.9.0"},
        ),
    ),
)  # fmt: skip
