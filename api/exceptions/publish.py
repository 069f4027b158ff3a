"""The active rows → the files that the correlator reads, and what it says of them → the rows.

In:  `exceptions` rows; the correlator's health (`<data>/run/*.json`, "exceptions"). Out: `<data>/rules/exceptions/
<agency>.yml`, one an agency, each replaced as a whole (0640), removed with its last exception; `heard`, by exception.
The database is the truth: files are compared and written again at every run of the job, so a crash between commit and
file, a restored database and a file that somebody edited all end the same way.
Bound: correlator/exceptions.py's; a file is made only when its rows or it itself changed, written only when it differs.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
        if node.exceptions is None:
            node.exceptions = Publisher(folder(node))
        wanted: dict[str, list[Excepted]] = defaultdict(list)
        with node.db.read() as session:
            for row in session.scalars(
                select(Excepted).where(Excepted.state == "active", Excepted.until > node.clock.now())
            ):
                if AGENCY.fullmatch(row.agency):
                    wanted[f"{row.agency}.yml"].append(row)
            return node.exceptions.write(wanted)


class Publisher:
    """Knows what it wrote: a file is made anew only when its rows or it itself have changed."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._known: dict[str, tuple[object, object]] = {}

    def write(self, wanted: Mapping[str, Sequence[Excepted]]) -> int:
        there = {path.name for path in self._into.glob("*.yml")}
        if wanted and not self._into.is_dir():
            REAL.make_folder(self._into)
        changed = sum(self._one(self._into / name, rows) for name, rows in wanted.items())
        for name in sorted(there - set(wanted)):
            if _is_ours(self._into / name):  # what somebody else put here stays, hides nothing, and is told
                REAL.unlink(self._into / name)
                changed += 1
        self._known = {name: known for name, known in self._known.items() if name in wanted}
        return changed

    def _one(self, path: Path, rows: Sequence[Excepted]) -> bool:
        key = sorted((row.id, row.until) for row in rows)  # nothing else of an active row ever changes
        if self._known.get(path.name) == (key, _stamp(path)):
            return False
        data = file(rows)
        changed = not path.exists() or read_whole(path, len(data)) != data
        if changed:
            replace(path, data)
            path.chmod(MODE)
        self._known[path.name] = (key, _stamp(path))
        return changed


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


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
