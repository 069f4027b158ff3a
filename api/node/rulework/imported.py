"""Sets of rules from elsewhere in `<data>/rules/imported/<name>/`, and what is recorded of them.

Out: the folder appears whole or stays as it was: it is written beside, synced, and exchanged in one step
(renameat2, Linux; where a file system has no exchange, by two renames and back on failure).
`manifest.json` beside the rules says where they come from: source, version, day, and each file's SHA-256 and ids; what
somebody changed by hand since is seen by it. It is no rule file, so the engine never reads it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.node.rulework.gather import Gathered
from correlator.engine.load import SUFFIXES

NAME = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,63}\Z")
MANIFEST = "manifest.json"
MANIFEST_LIMIT_BYTES = 64 * 1024 * 1024
SCHEMA_VERSION = 1
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD


@dataclass(slots=True)
class Change:
    """Against what is there: paths by what happens to them; `touched`: changed by hand since they were imported."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unchanged: int = 0
    touched: list[str] = field(default_factory=list)


def manifest(folder: Path) -> dict[str, Any]:
    try:
        with (folder / MANIFEST).open("rb") as file:
            found = json.loads(file.read(MANIFEST_LIMIT_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else {}


def sets(rules: Path) -> list[dict[str, Any]]:
    """What was imported: name, version, day, source, files."""
    found = []
    for folder in sorted((rules / "imported").glob("*")):
        told = manifest(folder)
        if told:
            found.append({"name": folder.name, "files": len(told["files"]),
                          **{key: str(told.get(key) or "") for key in ("version", "imported", "source")}})  # fmt: skip
    return found


def compare(folder: Path, gathered: Gathered) -> Change:
    change = Change()
    recorded = manifest(folder).get("files", {})
    there = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
             for path in _rules(folder)}  # fmt: skip
    for name, taken in gathered.rules.items():
        if name not in there:
            change.new.append(name)
        elif there[name] != taken.sha256:
            change.changed.append(name)
        else:
            change.unchanged += 1
    change.gone = sorted(there.keys() - gathered.rules.keys())
    change.touched = sorted(name for name, digest in there.items()
                            if name not in recorded or recorded[name].get("sha256") != digest)  # fmt: skip
    return change


def write(folder: Path, gathered: Gathered, source: str, day: str) -> None:
    """`folder` holds these rules and nothing else, or what it held before."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the rules, not among them: a correlator that looks meanwhile must not load both.
    stage = folder.parents[2] / "run" / f"rules-{secrets.token_hex(8)}"
    try:
        for name, data in ((name, taken.data) for name, taken in gathered.rules.items()):
            _put(stage / name, data)
        for name, data in gathered.licences.items():
            _put(stage / name, data)
        told = {"schema_version": SCHEMA_VERSION, "source": source, "version": gathered.version, "imported": day,
                "files": {name: {"sha256": taken.sha256, "ids": list(taken.ids)}
                          for name, taken in sorted(gathered.rules.items())}}  # fmt: skip
        _put(stage / MANIFEST, json.dumps(told, ensure_ascii=False, indent=1).encode())
        os.sync()  # one for thousands of files; a crash after the exchange must not find them empty
        _place(stage, folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _place(stage: Path, folder: Path) -> None:
    if not folder.exists():
        stage.rename(folder)
        return
    if _exchange(stage, folder):
        return
    old = stage.with_name(stage.name + ".old")
    folder.rename(old)
    try:
        stage.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    done: int = call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)
    return done == 0


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)


def _rules(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
