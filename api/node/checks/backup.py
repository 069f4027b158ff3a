"""LT-D1001: the age of the last good backup, as `state/backups.json` says: {last_good_at, last_verified_at}."""

from __future__ import annotations

import json
from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, note, ok, run
from api.node.checks._machine import Machine, span
from sensors.clock import parse_rfc3339

OLD_S, UNVERIFIED_S = 7 * 86_400.0, 31 * 86_400.0


def look(machine: Machine) -> Iterator[Finding]:
    try:
        body = json.loads((machine.data / "state" / "backups.json").read_bytes()[:65_536])
    except (OSError, ValueError):
        body = {}
    now = machine.clock.now()
    good, verified = (
        _time(body.get(key) if isinstance(body, dict) else None) for key in ("last_good_at", "last_verified_at")
    )
    make = run(machine.luytre("backup create"))
    if good is None:
        yield note("no-backup", "chưa từng sao lưu", "there never was a backup", make, last_good_at=None)
    elif now - good > OLD_S:
        yield note(
            "backup-old",
            f"bản sao lưu cuối cách đây {span(now - good).vi}",
            f"the last backup was {span(now - good).en} ago",
            make,
            last_good_at=good,
        )
    elif verified is None or now - verified > UNVERIFIED_S:
        yield note(
            "backup-unverified",
            "bản sao lưu chưa được thử phục hồi trong 31 ngày",
            "no backup was tried by restoring it within 31 days",
            run(machine.luytre("backup verify")),
            last_good_at=good,
            last_verified_at=verified,
        )
    else:
        yield ok(
            f"{span(now - good).vi} trước, đã thử phục hồi {span(now - verified).vi} trước",
            f"{span(now - good).en} ago, restored on trial {span(now - verified).en} ago",
            last_good_at=good,
            last_verified_at=verified,
        )


def _time(value: object) -> float | None:
    """Epoch seconds, or RFC 3339."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return parse_rfc3339(value) if isinstance(value, str) else None


CHECK = Check(
    "LT-D1001",
    "backup",
    Words("Sao lưu", "Backup"),
    Words(
        "Tuổi của bản sao lưu tốt gần nhất và của lần thử phục hồi gần nhất; quá 7 ngày là lưu ý.",
        "The age of the newest good backup and of the last trial restore; over 7 days is a note.",
    ),
    look,
    where=frozenset(("node",)),
)
