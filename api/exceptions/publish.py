"""The active rows → the files that the correlator reads, and what it says of them → the rows.

In:  `exceptions` rows; the correlator's health (`<data>/run/*.json`, "exceptions"). Out: `<data>/rules/exceptions/
<agency>.yml`, one an agency, each replaced as a whole (0640), removed with its last exception; `heard`, by exception.
The database is the truth: files are compared and written again at every run of the job, so a crash between commit and
file, a restored database and a file that somebody edited all end the same way.
Bound: correlator/exceptions.py's; a file is written only when it differs.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.exceptions.selection import HEAD, file
from api.health import processes
from api.runtime import Runtime
from api.state.exceptions import Excepted
from correlator.exceptions import AGENCY, FOLDER
from sensors.clock import parse_rfc3339
from sensors.durable.files import REAL, read_whole, replace

MODE = 0o640  # they name accounts and machines
_ONE_AT_A_TIME = threading.Lock()  # one writer a path


@dataclass(frozen=True, slots=True)
class Heard:
    """What the running correlator says of one exception."""

    force: bool
    code: str = ""
    hidden: int = 0
    last: float | None = None


def folder(node: Runtime) -> Path:
    return node.data / "rules" / FOLDER


def publish(node: Runtime) -> int:
    """How many files changed. After each act, and by the job."""
    with _ONE_AT_A_TIME:
        wanted: dict[str, list[Excepted]] = defaultdict(list)
        with node.db.read() as session:
            for row in session.scalars(
                select(Excepted).where(Excepted.state == "active", Excepted.until > node.clock.now())
            ):
                if AGENCY.fullmatch(row.agency):
                    wanted[f"{row.agency}.yml"].append(row)
            files = {name: file(rows) for name, rows in wanted.items()}
        return _write(folder(node), files)


def _write(into: Path, files: dict[str, bytes]) -> int:
    there = {path.name for path in into.glob("*.yml")} if into.is_dir() else set()
    if files and not into.is_dir():
        REAL.make_folder(into)
    changed = 0
    for name, data in files.items():
        path = into / name
        if name in there and read_whole(path, len(data)) == data:
            continue
        replace(path, data)
        path.chmod(MODE)
        changed += 1
    for name in sorted(there - set(files)):
        if _is_ours(into / name):  # what somebody else put here stays, hides nothing, and is told by the correlator
            REAL.unlink(into / name)
            changed += 1
    return changed


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(HEAD.encode())) == HEAD.encode()
    except OSError:
        return False


def heard(data: Path) -> dict[str, Heard] | None:
    """By exception; None when no correlator tells of exceptions."""
    said = [body["exceptions"] for body in processes(data) if isinstance(body.get("exceptions"), dict)]
    if not said:
        return None
    found: dict[str, Heard] = {}
    for one in said:
        for fault in _list(one.get("faults")):
            if isinstance(fault, dict) and fault.get("id"):
                found[str(fault["id"])] = Heard(False, str(fault.get("code") or "")[:16])
        in_force = one.get("in_force")
        for key, counts in in_force.items() if isinstance(in_force, dict) else ():
            if isinstance(counts, dict):
                number = counts.get("hidden")
                found[str(key)] = Heard(True, "", number if isinstance(number, int) else 0,
                                        parse_rfc3339(str(counts.get("last") or "")))  # fmt: skip
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
