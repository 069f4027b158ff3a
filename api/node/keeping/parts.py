"""The parts of a backup, as messages of a sealed file: each with its name, its bytes, its hash; the manifest last.

        P {name, zstd} │ D bytes … │ E {bytes, sha256} │ P … │ M manifest (JSON, in pieces; the last one ends the file)

In:  names and streams of bytes. Out: a `Manifest`, and the parts again, each checked before it counts.
Damage is named: the part that was being read, or the one behind it. A part is compressed when that is worth it (the
journal's segments are compressed already).
Bound: memory of a chunk and one zstd window; a part's name NAME_CHARS of a small alphabet, DEPTH folders deep, never
outside its folder; the manifest MANIFEST_BYTES; PARTS parts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import msgspec
import zstandard

from api.node.keeping.sealed import CHUNK_BYTES, Broken, Key, SealedWriter, messages
from sensors.errors import Damaged, Problem

PARTS, NAME_CHARS, DEPTH = 200_000, 240, 10
MANIFEST_BYTES = 64 << 20
_COMPONENT = re.compile(r"[A-Za-z0-9_@+=,-][A-Za-z0-9._@+=,-]*", re.ASCII)
_PACKED = (".lt1", ".zst", ".gz", ".whl", ".dump")
_WINDOW_BYTES = 8 << 20


class Part(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, kw_only=True):
    """What a backup holds and where everything stood."""

    format: int = 1
    made_at: float
    program: str
    schema: str
    agency: str
    name: str = ""
    role: str = "agency"
    data: str = ""
    ca: str = ""  # SHA-256 of the node's CA certificate: whose backup this is
    store: str = "embedded"
    events: bool = True  # whether the journal is in it
    database: str = "sqlite"
    rows: dict[str, int] = msgspec.field(default_factory=dict)
    audit: int = 0  # the last entry's number
    items: dict[str, int] = msgspec.field(default_factory=dict)  # events and hits in the journal's parts
    ends: dict[str, str] = msgspec.field(default_factory=dict)  # where each journal's prefix ends: segment:offset
    parts: list[Part] = msgspec.field(default_factory=list)


class PartWriter:
    def __init__(self, file: BinaryIO, key: Key, spend: Callable[[int], None] = lambda _: None) -> None:
        """`spend` is told of bytes as they are written: it may wait (bandwidth) or raise (disk)."""
        self._sealed, self._spend = SealedWriter(file, key), spend
        self.parts: list[Part] = []

    @property
    def written(self) -> int:
        return self._sealed.written

    def add(self, name: str, stream: Iterable[bytes]) -> Part:
        _checked(name)
        packed = name.endswith(_PACKED)
        self._message(b"P", json.dumps({"name": name, "zstd": not packed}).encode())
        digest, size = hashlib.sha256(), 0
        press = None if packed else zstandard.ZstdCompressor(level=3).compressobj()
        held = bytearray()
        for piece in stream:
            digest.update(piece)
            size += len(piece)
            held += press.compress(piece) if press else piece
            while len(held) >= CHUNK_BYTES:
                self._message(b"D", bytes(held[:CHUNK_BYTES]))
                del held[:CHUNK_BYTES]
        if press:
            held += press.flush()
        for start in range(0, len(held), CHUNK_BYTES):
            self._message(b"D", bytes(held[start : start + CHUNK_BYTES]))
        part = Part(name, size, digest.hexdigest())
        self._message(b"E", msgspec.json.encode(part))
        self.parts.append(part)
        if len(self.parts) > PARTS:
            raise ValueError(f"more than {PARTS} parts")
        return part

    def close(self, manifest: Manifest) -> None:
        manifest.parts = self.parts
        data = msgspec.json.encode(manifest)
        pieces = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
        for piece in pieces[:-1]:
            self._message(b"M", piece)
        self._sealed.message(b"M", pieces[-1], last=True)

    def _message(self, kind: bytes, payload: bytes) -> None:
        before = self._sealed.written
        self._sealed.message(kind, payload)
        self._spend(self._sealed.written - before)


class Taken(NamedTuple):
    """What `read_parts` hands to whoever keeps the bytes: a part begins (`name`), goes on (`data`), has ended well."""

    name: str
    data: bytes
    ended: bool


def read_parts(file: BinaryIO, key: Key, take: Callable[[Taken], None]) -> Manifest:
    """Every part, in order, then the manifest that was checked against them. Raises Damaged with the part's name."""
    reader = _Reader(take)
    try:
        for kind, payload in messages(file, key):
            reader.message(kind, payload)
        return reader.manifest()
    except Broken:
        raise _damaged(reader.where) from None
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError, zstandard.ZstdError):
        raise _damaged(reader.where) from None


class _Reader:
    def __init__(self, take: Callable[[Taken], None]) -> None:
        self._take = take
        self._open: str | None = None
        self._unpress: Any = None
        self._digest, self._size = hashlib.sha256(), 0
        self._seen: dict[str, Part] = {}
        self._manifest = bytearray()
        self.where = "phần đầu / the beginning"

    def message(self, kind: bytes, payload: bytes) -> None:
        if kind == b"P" and self._open is None and not self._manifest and len(self._seen) < PARTS:
            about = json.loads(payload)
            self._open = _checked(about["name"])
            if self._open in self._seen:
                raise ValueError("twice")
            made = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
            self._unpress = made.decompressobj() if about["zstd"] else None
            self._digest, self._size = hashlib.sha256(), 0
            self.where = self._open
            self._take(Taken(self._open, b"", ended=False))
        elif kind == b"D" and self._open is not None:
            for start in range(0, len(payload), 4096):  # a piece at a time: what it unpacks to stays small
                piece = payload[start : start + 4096]
                data = self._unpress.decompress(piece) if self._unpress else piece
                self._digest.update(data)
                self._size += len(data)
                self._take(Taken(self._open, data, ended=False))
        elif kind == b"E" and self._open is not None:
            part = msgspec.json.decode(payload, type=Part)
            if part != Part(self._open, self._size, self._digest.hexdigest()):
                raise ValueError("not what was written")
            self._seen[part.name] = part
            self._take(Taken(part.name, b"", ended=True))
            self._open, self.where = None, f"phần sau {part.name} / what follows {part.name}"
        elif kind == b"M" and self._open is None and len(self._manifest) + len(payload) <= MANIFEST_BYTES:
            self._manifest += payload
            self.where = "manifest"
        else:
            raise ValueError("out of order")

    def manifest(self) -> Manifest:
        found = msgspec.json.decode(bytes(self._manifest), type=Manifest)
        if found.format != 1 or {part.name: part for part in found.parts} != self._seen:
            raise ValueError("the manifest tells of other parts")
        return found


def chunks(file: BinaryIO, limit: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, at most `limit` of them."""
    left = limit
    while left is None or left > 0:
        data = file.read(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
        if not data:
            return
        left = None if left is None else left - len(data)
        yield data


def _checked(name: Any) -> str:
    if not isinstance(name, str) or len(name) > NAME_CHARS or name != str(PurePosixPath(name)):
        raise ValueError("not a part's name")
    components = name.split("/")
    if len(components) > DEPTH or not all(_COMPONENT.fullmatch(one) for one in components):
        raise ValueError("not a part's name")
    return name


def _damaged(where: str) -> Damaged:
    return Damaged(Problem("LT-N0506", f"bản sao lưu bị hỏng ở: {where}", f"the backup is damaged at: {where}"))
