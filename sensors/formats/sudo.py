"""sudo: who ran what as whom, and who was refused.

In:  the message of a syslog line of sudo. Out: dataset `system.auth`, `event.action` `sudo_command` with its outcome.
Source: sudo's plugins/sudoers/logging.c; sudoers(5) "LOG FORMAT". What a user typed (COMMAND) stands last in the line.
"""

from __future__ import annotations

import re
from typing import Any

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload

_LINE = re.compile(
    r" *(?P<user>[^ ]{1,256}) : (?:(?P<error>[^=;]{1,200}) ; )?(?:HOST=[^ ]{1,255} ; )?(?:TTY=(?P<tty>[^;]{1,128}) ; )?"
    r"(?:CHROOT=[^;]{0,4096} ; )?(?:CWD=|PWD=)(?P<pwd>[^;]{0,4096}) ; (?:USER=(?P<target>[^;]{1,256}) ; )?"
    r"(?:GROUP=(?P<group>[^;]{1,256}) ; )?(?:TSID=[^;]{1,64} ; )?(?:ENV=[^;]{0,4096} ; )?COMMAND=(?P<command>.*)\Z",
    re.DOTALL,
)


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str) and " : " in payload


def parse(payload: Payload, context: Context) -> Parsed | None:
    found = _LINE.match(payload) if isinstance(payload, str) else None
    if not found:
        return None
    user, target, error = found["user"], found["target"] or "root", found["error"]
    fields: dict[str, Any] = {
        "event.module": "system",
        "event.kind": "event",
        "event.action": "sudo_command",
        "event.category": ["process"],
        "event.type": ["start", "denied" if error else "allowed"],
        "event.outcome": "failure" if error else "success",
        "user.name": user,
        "user.effective.name": target,
        "related.user": sorted({user, target}),
        "process.name": "sudo",
        "system.auth.sudo.user": target,
        "system.auth.sudo.tty": found["tty"],
        "system.auth.sudo.pwd": found["pwd"],
        "system.auth.sudo.command": found["command"],
        "system.auth.sudo.error": error,
    }
    return Parsed(fields)


FORMAT = Format(
    dataset="system.auth",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"sudo"}),
    bare=False,
    rank=45,
    fields=(
        Field("user.effective.name"),
        Field("system.auth.sudo.user"),
        Field("system.auth.sudo.tty"),
        Field("system.auth.sudo.pwd"),
        Field("system.auth.sudo.command"),
        Field("system.auth.sudo.error"),
    ),
    examples=(
        Example(
            "Feb 21 23:35:33 may1 sudo:      lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/bin/ls -l; ; x",
            {"user.name": "lan", "user.effective.name": "root", "event.outcome": "success",
             "system.auth.sudo.command": "/bin/ls -l; ; x", "system.auth.sudo.tty": "pts/0"},
        ),
        Example(
            "Feb 24 00:13:02 may1 sudo:  tsg : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/tsg ; USER=root ; "
            "COMMAND=/bin/ls",
            {"event.outcome": "failure", "system.auth.sudo.error": "user NOT in sudoers", "user.name": "tsg"},
        ),
    ),
)  # fmt: skip
