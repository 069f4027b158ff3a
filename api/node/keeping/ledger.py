"""`state/backups.json`: when the last good backup was made and verified, where, and what is wrong. `doctor` reads it.

Out: {last_good_at, last_verified_at, target, file, bytes, problem: {vi, en} | null}, times in epoch seconds. Replaced
whole and durable.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sensors.durable.files import read_whole, replace

_LIMIT_BYTES = 64 * 1024


def path_of(data: Path) -> Path:
    return data / "state" / "backups.json"


def load(data: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_whole(path_of(data), _LIMIT_BYTES) or b"{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note(data: Path, **changed: Any) -> None:
    path = path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    empty = dict.fromkeys(("last_good_at", "last_verified_at", "target", "file", "bytes", "problem"))
    replace(path, json.dumps({**empty, **load(data), **changed}, ensure_ascii=False).encode())
