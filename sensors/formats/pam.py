"""Linux-PAM's own lines, in whichever service's syslog messages they stand (su, login, vsftpd, dovecot, cron …).

Out: dataset `system.auth`; failures with who and from where, sessions opened and closed.
Source: Linux-PAM modules/pam_unix/{support,pam_unix_sess}.c. sshd's are read by sshd.py.
"""

from __future__ import annotations

import re
from typing import Any

from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.text import peer

# `pam_unix(su:auth): `; older versions and other services write `(pam_unix) `, `pam_unix: `, `pam_unix(auth): `.
_HEAD = re.compile(
    r"\(?(?P<module>pam_[a-z0-9_]{1,32})(?:\((?:(?P<service>[^:)]{1,64}):)?(?P<kind>[a-z]{1,16})\))?(?:\)|:) "
    r"(?P<rest>.*)\Z",
    re.DOTALL,
)
# The user stands last: a name may hold anything, "rhost=192.0.2.1" too, so hosts are looked for before it.
_FAILURE = re.compile(
    r"(?:(?P<count>\d{1,6}) more )?authentication failures?;(?P<pairs>.*?) rhost=(?P<host>[^ ]{0,255})"
    r"(?: +user=(?P<user>.*))?\Z",
    re.DOTALL,
)
_SESSION = re.compile(r"session (?P<change>opened|closed) for user (?P<user>[^ (]{1,256})(?:\(uid=\d+\))?"
                      r"(?: by (?P<by>[^ (]{0,256})(?:\(uid=\d+\))?)?.*", re.DOTALL)  # fmt: skip
_STARTS = ("pam_", "(pam_", "authentication failure; ", "session opened for user ", "session closed for user ")


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str) and payload.startswith(_STARTS)


def parse(payload: Payload, context: Context) -> Parsed | None:
    if not isinstance(payload, str):
        return None
    head = _HEAD.match(payload)
    text = (head["rest"] if head else payload)[:2048]
    fields: dict[str, Any] = {"event.module": "system", "event.kind": "event", "event.category": ["authentication"]}
    if head:
        fields["event.provider"], fields["service.name"] = head["module"], head["service"]
    failed, session = _FAILURE.match(text), _SESSION.match(text)
    if failed:
        fields |= {"event.action": "pam_failure", "event.outcome": "failure", "event.type": ["start", "denied"]}
        peer(fields, failed["host"] or None)
        if "source.ip" in fields:
            fields["related.ip"] = [fields["source.ip"]]
        user = failed["user"]
    elif session:
        opened = session["change"] == "opened"
        fields |= {"event.action": "session_start" if opened else "session_end", "event.outcome": "success"}
        fields |= {"event.category": ["session"], "event.type": ["start" if opened else "end"]}
        user = session["user"]
    elif head:
        user = None
    else:
        return None
    if user:
        fields["user.name"], fields["related.user"] = user, [user]
    return Parsed(fields)


FORMAT = Format(
    dataset="system.auth",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"*"}),
    bare=False,
    rank=60,
    examples=(
        Example(
            "Feb 21 21:56:12 may1 vsftpd[19]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 "
            "tty=ftp ruser=lan rhost=198.51.100.9  user=lan rhost=192.0.2.1",
            {"event.outcome": "failure", "user.name": "lan rhost=192.0.2.1", "source.ip": "198.51.100.9",
             "service.name": "vsftpd", "process.name": "vsftpd", "event.action": "pam_failure"},
        ),
        Example(
            "May 15 18:02:12 may1 proftpd: (pam_unix) authentication failure; logname= uid=0 euid=0 tty= ruser=a "
            "rhost=192.0.2.1 rhost=198.51.100.9  user=lan",
            {"source.ip": "198.51.100.9", "user.name": "lan", "event.provider": "pam_unix", "service.name": None},
        ),
        Example(
            "Feb 21 21:56:12 may1 su(pam_unix)[21416]: session opened for user news by (uid=0)",
            {"user.name": "news", "process.name": "su", "event.action": "session_start"},
        ),
        Example(
            "Feb 21 21:56:12 may1 su[7]: pam_unix(su-l:session): session opened for user root(uid=0) by lan(uid=1000)",
            {"event.action": "session_start", "user.name": "root", "service.name": "su-l"},
        ),
    ),
)  # fmt: skip
