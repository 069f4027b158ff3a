"""`luytre doctor --fix`: what can be mended without knowing more than the folder tells; everything else is said only.

In:  the data folder. Out: `plan` lists what would be done, `carry_out` does it, each act looked at once more before.
     - modes: folders that hold secrets or events (FOLDERS) closed to others, private keys to 0600. Rights are only
       taken away, never given.
     - run files of processes that are gone: `run/*.json` whose pid lives no more, when nothing of this node runs.
Bound: FILES entries a folder. Links are left alone, and so is what belongs to somebody else. No process is stopped or
started, no configuration changed, nothing of journal, index or database touched.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.node.checks import Words
from api.node.checks._machine import Machine, is_alive

FOLDERS = ("", "keys", "state", "journal", "spool", "index", "run", "secrets", "conf.d")
PRIVATE = (".key", ".head")
FILES = 1_000


@dataclass(frozen=True, slots=True)
class Act:
    path: Path
    mode: int | None  # what the entry's mode becomes; None: the file goes
    about: Words


def plan(machine: Machine) -> list[Act]:
    return [*_modes(machine.data), *_left_behind(machine)]


def carry_out(acts: list[Act]) -> list[tuple[Act, str]]:
    """Each act with what went wrong; "" when it is done."""
    return [(act, _do(act)) for act in acts]


def _modes(data: Path) -> Iterator[Act]:
    for name in FOLDERS:
        folder = data / name if name else data
        found = _own(folder)
        if found is None or not stat.S_ISDIR(found.st_mode):
            continue
        mode = stat.S_IMODE(found.st_mode)
        # A group may have been let in on purpose (a collector that writes); the world never is. Keys are for one alone.
        less = mode & (0o7700 if name in ("keys", "secrets") else 0o7770)
        if less != mode:
            yield Act(folder, less, Words(f"{mode:04o} → {less:04o}: đóng với người khác",
                                          f"{mode:04o} → {less:04o}: closed to others"))  # fmt: skip
    for path in _entries(data / "keys"):
        found = _own(path)
        if found is None or not stat.S_ISREG(found.st_mode) or path.suffix not in PRIVATE:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            way = f"{mode:04o} → {mode & 0o700:04o}"
            yield Act(path, mode & 0o700, Words(f"{way}: khóa riêng, chỉ chủ đọc", f"{way}: for its owner alone"))


def _left_behind(machine: Machine) -> Iterator[Act]:
    if machine.started():
        return  # the supervisor looks after its own
    for path in _entries(machine.data / "run"):
        if path.suffix == ".json" and _own(path) is not None and not is_alive(_pid(path)):
            yield Act(path, None, Words("tiến trình của tệp này không còn", "the process of this file is gone"))


def _do(act: Act) -> str:
    if _own(act.path) is None:
        return "gone, a link, or another's"
    try:
        if act.mode is None:
            if is_alive(_pid(act.path)):
                return "its process lives"
            act.path.unlink()
        else:
            handle = os.open(act.path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fchmod(handle, stat.S_IMODE(os.fstat(handle).st_mode) & act.mode)
            finally:
                os.close(handle)
    except OSError as error:
        return type(error).__name__
    return ""


def _own(path: Path) -> os.stat_result | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if not stat.S_ISLNK(found.st_mode) and os.geteuid() in (0, found.st_uid) else None


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())[:FILES] if folder.is_dir() and not folder.is_symlink() else []


def _pid(path: Path) -> object:
    try:
        body = json.loads(path.read_bytes()[: 1 << 20])
    except (OSError, ValueError):
        return None
    return body.get("pid") if isinstance(body, dict) else None
