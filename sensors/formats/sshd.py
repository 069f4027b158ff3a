"""OpenSSH's server: who logged in, who failed to, from where.

In:  the message of a syslog line whose program is sshd. Out: dataset `system.auth`; `event.action` is
     `ssh_login` for a decided log-in (outcome success or failure), `ssh_invalid_user` for a name that does not exist
     (sshd says it apart, before the failure), `ssh_disconnect`, `ssh_probe` (no proper protocol), `ssh_refused`.
User names are the client's words and may hold " from 192.0.2.1 port 22": the address is the last one of the line.
Source: openssh-portable auth.c, auth2.c, packet.c; Linux-PAM pam_unix.
"""

from __future__ import annotations

import re
from typing import Any

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.text import peer

_END = r"(?: port (?P<port>\d{1,5}))?(?: ssh2)?(?::? \[preauth\]| on [^ ]+ port \d+)?"
_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # first word that must stand in the message, action, outcome, the rest of the message
    ("Accepted ", "ssh_login", "success",
     (r"Accepted (?P<method>\S+) for (?P<user>.*?) from (?P<host>\S+) port (?P<port>\d{1,5})(?: ssh2)?"
      r"(?:: (?P<signature>[^ ].*))?")),
    ("Failed ", "ssh_login", "failure",
     (r"(?:error: )?Failed (?P<method>\S+) for (?:(?P<invalid>invalid|illegal) user )?(?P<user>.*) from (?P<host>\S+)"
      r"(?: port (?P<port>\d{1,5}))?(?: ssh2)?(?:: (?P<signature>[^ ]+ [^ ,]+))?(?:, client user .*)?"
      r"(?: \[preauth\])?")),
    ("maximum authentication attempts", "ssh_login", "failure",
     (r"(?:error: )?maximum authentication attempts exceeded for (?:(?P<invalid>invalid) user )?(?P<user>.*) "
      r"from (?P<host>\S+)" + _END)),
    ("PAM: ", "ssh_login", "failure",
     (r"(?:error: )?PAM: (?:Authentication failure|User not known to the underlying authentication module|.{1,80}?) "
      r"for (?:(?P<invalid>illegal|invalid) user )?(?P<user>.*) from (?P<host>\S+)(?: via \S+)?")),
    ("ROOT LOGIN REFUSED", "ssh_login", "failure", r"(?i:ROOT LOGIN REFUSED FROM) (?P<host>\S+)" + _END),
    ("authentication failure", "ssh_pam_failure", "failure",
     r"(?:pam_\w+\(sshd:auth\): |\(pam_\w+\) )?authentication failure;.* rhost=(?P<host>\S+)(?: +user=(?P<user>.*))?"),
    ("more authentication failure", "ssh_pam_failure", "failure",
     r"PAM \d+ more authentication failures?;.* rhost=(?P<host>\S+)(?: +user=(?P<user>.*))?"),
    ("nvalid user ", "ssh_invalid_user", "failure",
     r"(?:Invalid|Illegal) user (?P<user>.*?) ?from (?P<host>\S+)" + _END),
    ("not allowed because", "ssh_refused", "failure",
     r"User (?P<user>.*) from (?P<host>\S+) not allowed because .*"),
    ("refused connect from", "ssh_refused", "failure",
     r"refused connect from (?:[^ ]+ \()?(?P<host>[^ ()]+)\)?.*"),
    ("user ", "ssh_disconnect", "failure",
     (r"(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) "
      r"(?:(?P<invalid>invalid)|authenticating) user (?P<user>.*) (?P<host>\S+) port (?P<port>\d{1,5})"
      r"(?:: .{1,200})?(?: \[preauth\])?")),
    ("Received disconnect", "ssh_disconnect", "",
     r"(?:error: )?Received disconnect from (?P<host>[^ :]+|[0-9a-fA-F:]+?)(?: port (?P<port>\d{1,5}))?: ?\d+: .*"),
    ("identification string", "ssh_probe", "failure",
     r"Did not receive identification string from (?P<host>\S+)" + _END),
    ("Bad protocol version", "ssh_probe", "failure",
     r"Bad protocol version identification '.*' from (?P<host>\S+)" + _END),
    (": Connection from ", "ssh_probe", "failure",
     (r"(?:error: )?(?:banner exchange|ssh_dispatch_run_fatal): Connection from (?P<host>\S+) "
      r"port (?P<port>\d{1,5}): .*")),
    ("Unable to negotiate", "ssh_probe", "failure",
     r"(?:fatal: )?Unable to negotiate with (?P<host>[^ :]+|[0-9a-fA-F:]+?)(?: port (?P<port>\d{1,5}))?: .*"),
    ("Timeout before authentication", "ssh_disconnect", "failure",
     (r"(?:fatal: )?Timeout before authentication for (?:connection from )?(?P<host>[^ ,]+)"
      r"(?: port (?P<port>\d{1,5}))?(?: to .*|, .*)?")),
    ("Connection ", "ssh_disconnect", "",
     r"Connection (?:closed|reset) by (?P<host>[0-9a-fA-F.:]+)" + _END),
    ("Disconnected from ", "ssh_disconnect", "",
     r"Disconnected from (?:user (?P<user>.*) )?(?P<host>[0-9a-fA-F.:]+)" + _END),
    ("Connection from ", "ssh_connection", "",
     r"Connection from (?P<host>\S+) port (?P<port>\d{1,5})(?: on .*)?"),
    ("reverse mapping", "ssh_reverse_mapping", "",
     r"reverse mapping checking getaddrinfo for \S* \[(?P<host>[^\]]+)\] failed.*"),
    ("session opened for user ", "ssh_session_start", "success",
     r"pam_\w+\(sshd:session\): session opened for user (?P<user>[^ (]+).*"),
    ("session closed for user ", "ssh_session_end", "",
     r"pam_\w+\(sshd:session\): session closed for user (?P<user>[^ (]+).*"),
)  # fmt: skip
_RULES = [(word, action, outcome, re.compile(pattern + r"\Z", re.DOTALL)) for word, action, outcome, pattern in _ROWS]
_SOLARIS = re.compile(r"\A\[ID \d{1,9} \w{1,16}\.\w{1,16}\] ")  # its syslogd puts a message id in front
_LONGEST = 2048  # sshd cuts its own lines at 1,024 bytes (MSGBUFSIZ); patterns with two wildcards see no more than this
_TYPES = {"success": ["start", "allowed"], "failure": ["start", "denied"], "": ["info"]}


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str)


def parse(payload: Payload, context: Context) -> Parsed | None:
    if not isinstance(payload, str):
        return None
    fields: dict[str, Any] = {"event.module": "system", "event.kind": "event", "process.name": "sshd"}
    text = _SOLARIS.sub("", payload[:_LONGEST].rstrip(), count=1)
    for word, action, outcome, pattern in _RULES:
        if word in text and (found := pattern.match(text)):
            fields.update(_fields(action, outcome, found.groupdict(), found[0].split(" ", 1)[0]))
            break
    else:
        if not context.program:
            return None
    return Parsed(fields)


def _fields(action: str, outcome: str, part: dict[str, str | None], word: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"event.action": action, "event.category": ["authentication"]}
    fields["event.type"] = _TYPES[outcome]
    if outcome:
        fields["event.outcome"] = outcome
    peer(fields, part.get("host"), part.get("port"))
    if "source.ip" in fields:
        fields["related.ip"] = [fields["source.ip"]]
    user = part.get("user")
    if user:
        fields["user.name"] = user
        fields["related.user"] = [user]
    if action == "ssh_login":
        fields["system.auth.ssh.event"] = word
        fields["system.auth.ssh.method"] = part.get("method")
        fields["system.auth.ssh.signature"] = part.get("signature")
        if outcome == "success":
            fields["event.category"] = ["authentication", "session"]
    elif action == "ssh_probe":
        fields["event.category"] = ["network"]
        fields["system.auth.ssh.dropped_ip"] = fields.get("source.ip")
    if part.get("invalid") or action == "ssh_invalid_user":
        fields["system.auth.ssh.invalid_user"] = True
    return fields


FORMAT = Format(
    dataset="system.auth",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"sshd", "sshd-session", "sshd-auth"}),
    bare=False,
    fields=(
        Field("system.auth.ssh.event"),
        Field("system.auth.ssh.method"),
        Field("system.auth.ssh.signature"),
        Field("system.auth.ssh.dropped_ip", "ip"),
        Field("system.auth.ssh.invalid_user", "boolean"),
    ),
    examples=(
        Example(
            "2026-02-21T21:54:44+07:00 cong sshd[3402]: Accepted publickey for lan from 10.0.2.2 port 63673 ssh2: "
            "ED25519 SHA256:abc",
            {"event.action": "ssh_login", "event.outcome": "success", "user.name": "lan", "source.ip": "10.0.2.2",
             "source.port": 63673, "system.auth.ssh.method": "publickey", "host.name": "cong", "process.pid": 3402,
             "system.auth.ssh.signature": "ED25519 SHA256:abc", "@timestamp": "2026-02-21T14:54:44Z"},
        ),
        Example(
            "<38>Feb 20 08:35:22 cong sshd[5774]: Failed password for invalid user a from 192.0.2.1 port 22 ssh2 from "
            "198.51.100.9 port 29160 ssh2",
            {"event.action": "ssh_login", "event.outcome": "failure", "source.ip": "198.51.100.9",
             "source.port": 29160, "user.name": "a from 192.0.2.1 port 22 ssh2"},
        ),
        Example(
            "Feb 21 21:56:12 cong sshd-session[3430]: Invalid user  from 2001:db8::9 port 4022",
            {"event.action": "ssh_invalid_user", "source.ip": "2001:db8::9", "user.name": None},
        ),
        Example(
            "Feb 21 21:56:12 cong sshd[3430]: Connection closed by authenticating user root 198.51.100.9 port 4022 "
            "[preauth]",
            {"event.action": "ssh_disconnect", "user.name": "root", "source.ip": "198.51.100.9"},
        ),
        Example(
            "Feb 21 21:56:12 cong sshd[1]: Did not receive identification string from 198.51.100.9 port 41000",
            {"event.action": "ssh_probe", "source.ip": "198.51.100.9", "event.category": ["network"]},
        ),
        Example(
            "Feb 21 21:56:12 cong sshd(pam_unix)[1993]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh "
            "ruser= rhost=198.51.100.9  user=root",
            {"event.outcome": "failure", "user.name": "root", "source.ip": "198.51.100.9",
             "process.name": "sshd"},
        ),
        Example("Feb 21 21:56:12 cong sshd[1]: Server listening on :: port 22.", {"event.action": None}),
    ),
)  # fmt: skip
