"""The recorded Windows events of the third-party data, each kind of content once: what the streams are made from.

In:  the data folder (evtx_attack, evtx_benign, sigma_regression, otrf). Out: `<into>/corpus.jsonl`, one event a line as
our reader lays it out, and `<into>/files/…`, the unpacked inputs. Made once; a second call finds it there.
Bound: `LIMIT_EVENTS`, and `KIND_LIMIT` of one (channel, event id) kind, so that no flood of one kind is the figure.

Two events are the same content when they differ in nothing but what every event has anew: time, record number, process
and thread numbers, GUIDs, log-on ids.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from correlator.inputs import Inputs
from sensors.event import Event, encode, get
from tests.bench.streams.renew import is_volatile

LIMIT_EVENTS = 60_000
KIND_LIMIT = 4_000
MEMBER_LIMIT_BYTES = 64 * 1024 * 1024
ARCHIVES = ("evtx_attack", "evtx_benign")


def corpus(data: Path, into: Path) -> Path:
    made = into / "corpus.jsonl"
    if made.is_file():
        return made
    part = into / "corpus.part"
    seen: set[bytes] = set()
    kinds: Counter[tuple[Any, Any]] = Counter()
    with part.open("wb") as out:
        for _, event in Inputs([str(path) for path in unpacked(data, into)]):
            kind = (get(event, "winlog.channel"), str(get(event, "winlog.event_id")))
            if kind[0] is None or kinds[kind] >= KIND_LIMIT or (name := _content(event)) in seen:
                continue
            seen.add(name)
            kinds[kind] += 1
            event.pop("log", None)
            out.write(encode(event) + b"\n")
            if len(seen) >= LIMIT_EVENTS:
                break
    part.rename(made)
    return made


def unpacked(data: Path, into: Path) -> list[Path]:
    """Every Windows event file of the data, archives unpacked below `into`."""
    found: list[Path] = []
    for name in ARCHIVES:
        archive = data / name / f"{name}.tar.xz"
        if archive.is_file():
            folder = into / "files" / name
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
            found += sorted(folder.rglob("*.evtx"))
    found += sorted((data / "sigma_regression").rglob("*.evtx"))
    for archive in sorted((data / "otrf").rglob("*.zip")):
        found += _members(archive, into / "files" / "otrf")
    return found


def _members(archive: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            name = Path(member.filename).name
            if name.endswith(".json") and not name.startswith(".") and member.file_size <= MEMBER_LIMIT_BYTES:
                (folder / name).write_bytes(opened.read(member))
                yield folder / name


def _content(event: Event) -> bytes:
    winlog = event.get("winlog", {})
    told = [winlog.get("channel"), winlog.get("event_id"), winlog.get("provider_name"),
            *(_lasting(winlog.get(part)) for part in ("event_data", "user_data"))]  # fmt: skip
    return hashlib.blake2b(msgspec.json.encode(told), digest_size=16).digest()


def _lasting(fields: Any) -> Any:
    if not isinstance(fields, dict):
        return fields
    return {name: value for name, value in fields.items() if not is_volatile(name)}
