"""`keys/revoked.log`: every act that took a right away, beside the keys and outside the database.

A backup of yesterday knows nothing of what was revoked today. This file does: one line of JSON an act, appended and
fsynced inside the act's own transaction, before it commits, so it is never behind (an act that was rolled back leaves a
line, which at worst holds somebody back who must be confirmed). At a restore, the lines that the backup's own copy does
not have are what happened since; api/node/keeping/dead.py applies them.

In:  acts as the audit names them. Out: lines {at, act, object}. No names, reasons or addresses: only ids.
Bound: LINE_BYTES a line; LIMIT_BYTES are read. Rare: a line a revocation, so it is not rotated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

NAME = "revoked.log"
LINE_BYTES, LIMIT_BYTES = 512, 64 << 20
# What gives, or only tells. Any other act on a user, a machine or a key takes something away, as far as this file is
# concerned: an act that nobody thought of here is then held against its object, not forgotten.
_GIVES = frozenset(("user.add", "user.grant", "user.link", "machine.token", "sensor.token"))
_ABOUT = ("user.", "machine.", "sensor.", "key.", "apikey.", "api_key.", "passkey.", "totp.", "factor.", "agent.",
          "recovery.")  # fmt: skip


class Line(NamedTuple):
    at: float
    act: str
    object: str


def takes_away(act: str) -> bool:
    return act.startswith(_ABOUT) and act not in _GIVES


def note(keys: Path, at: float, act: str, obj: str) -> None:
    """Durable when it returns."""
    line = json.dumps({"at": at, "act": act[:64], "object": obj[:200]}).encode("ascii") + b"\n"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = not (keys / NAME).exists()
    handle = os.open(keys / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)
    if fresh:
        folder = os.open(keys, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def raw_lines(path: Path) -> list[bytes]:
    """Whole lines, in order; none when there is no such file."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES)
    except FileNotFoundError:
        return []
    return [line for line in data.split(b"\n")[:-1] if line and len(line) <= LINE_BYTES]


def since(newer: Iterable[bytes], older: Iterable[bytes]) -> list[bytes]:
    """The lines of the one that the other does not have."""
    known = set(older)
    return [line for line in newer if line not in known]


def parsed(lines: Iterable[bytes]) -> list[Line]:
    found = []
    for line in lines:
        try:
            said = json.loads(line)
            found.append(Line(float(said["at"]), str(said["act"]), str(said["object"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found
