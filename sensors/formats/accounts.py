"""shadow-utils: accounts and groups that were made, changed or removed.

In:  the message of a syslog line of useradd, usermod, userdel, groupadd, groupmod, groupdel, passwd, chage.
Out: dataset `system.auth`, category iam. Source: shadow's src/*.c, where each tool writes its line.
"""

from __future__ import annotations

import re
from typing import Any

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload

_NEW = re.compile(r"(?P<failed>failed adding|new) (?P<kind>user|group)(?:: |  ?)(?P<rest>.*)\Z", re.DOTALL)
_PAIR = re.compile(r"(?P<key>[A-Za-z]{1,16})=(?P<value>[^,]{0,1024})(?:, |\Z)")
_ROWS = (
    ("user", "deletion", re.compile(r"delete user [`'](?P<name>[^']{1,256})'")),
    ("group", "deletion", re.compile(r"(?:removed group|group) [`'](?P<name>[^']{1,256})'(?: removed| owned).*")),
    ("user", "change", re.compile(r"add [`'](?P<name>[^']{1,256})' to (?:shadow )?group [`'](?P<group>[^']{1,256})'")),
    ("user", "change", re.compile(r"change user [`'](?P<name>[^']{1,256})' .*", re.DOTALL)),
    ("user", "change", re.compile(r"(?:pam_unix\(passwd:chauthtok\): )?password changed for (?P<name>[^ ]{1,256})")),
)  # fmt: skip


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str)


def parse(payload: Payload, context: Context) -> Parsed | None:
    if not isinstance(payload, str):
        return None
    found = _NEW.match(payload)
    if found:
        return Parsed(_made(found))
    for kind, change, pattern in _ROWS:
        row = pattern.match(payload)
        if row:
            fields = _fields(kind, change, "success", row["name"])
            if row.groupdict().get("group"):
                fields["group.name"] = row["group"]
            return Parsed(fields)
    return None


def _made(found: re.Match[str]) -> dict[str, Any]:
    part = {pair["key"].lower(): pair["value"] for pair in _PAIR.finditer(found["rest"][:4096])}
    kind = found["kind"]
    outcome = "success" if found["failed"] == "new" else "failure"
    fields = _fields(kind, "creation", outcome, part.get("name") or found["rest"].strip(" '`")[:256])
    fields["group.id"] = part.get("gid")
    if kind == "user":
        fields["user.id"] = part.get("uid")
        fields["system.auth.useradd.home"] = part.get("home")
        fields["system.auth.useradd.shell"] = part.get("shell")
    return fields


def _fields(kind: str, change: str, outcome: str, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event.module": "system",
        "event.kind": "event",
        "event.action": f"{kind}_{change}",
        "event.category": ["iam"],
        "event.type": [kind, change],
        "event.outcome": outcome,
        f"{kind}.name": name,
    }
    if kind == "user":
        fields["related.user"] = [name]
    return fields


FORMAT = Format(
    dataset="system.auth",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset(
        {"useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "passwd", "chage", "adduser"}
    ),
    bare=False,
    rank=46,
    fields=(
        Field("group.id"),
        Field("group.name"),
        Field("system.auth.useradd.home"),
        Field("system.auth.useradd.shell"),
    ),
    examples=(
        Example(
            "Feb 22 11:47:05 may1 useradd[6995]: new user: name=apache, UID=48, GID=48, home=/usr/share/httpd, "
            "shell=/sbin/nologin",
            {"user.name": "apache", "user.id": "48", "group.id": "48", "event.type": ["user", "creation"],
             "system.auth.useradd.home": "/usr/share/httpd", "event.category": ["iam"]},
        ),
        Example(
            "Feb 22 11:47:05 may1 groupadd[6991]: new group: name=apache, GID=48",
            {"group.name": "apache", "group.id": "48", "user.name": None},
        ),
        Example(
            "Feb 22 11:47:05 may1 usermod[6991]: add 'lan' to group 'sudo'",
            {"user.name": "lan", "group.name": "sudo", "event.action": "user_change"},
        ),
        Example(
            "Feb 22 11:47:05 may1 userdel[6991]: delete user 'lan'",
            {"user.name": "lan", "event.action": "user_deletion"},
        ),
    ),
)  # fmt: skip
