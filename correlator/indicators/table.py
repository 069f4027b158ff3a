"""The compact set: a file that is mapped, never loaded. 33 bytes an indicator; a million are 33 MB of page cache.

    MAGIC (8) | crc32 of all that follows (4) | length of the head (4) | head (msgpack) | padding to 8 | sections

    digests  count × u64, sorted      first half of blake2b-128(tag, key): found by bisection inside its bucket
    buckets  (2^bits + 1) × u32       where the digests that begin with these bits start
    records  count × RECORD           second half of the digest (so no false hit), end, source, confidence, TLP
    v4, v6   first addresses of pieces of the address space (u64; v6 in two halves), and of each piece the network
             that covers it most narrowly: nested networks are cut into pieces that don't overlap
    networks RECORD each, with the number of the wider network around it

In:  rows in any order, with duplicates (the most confident wins, then the one that ends last). Out: `IndicatorTable`.
Bound: ROWS_LIMIT rows; making it holds 140 bytes a row for a moment, reading it only the pages that are touched.
A file that is short, foreign or damaged raises ValueError at opening; the caller keeps what it has. The file is written
beside its place, synced and renamed: a reader never sees half of one, and one that is mapped stays whole.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec

from correlator.indicators.kinds import all_kinds
from correlator.indicators.seam import DEFAULT_TLP, TLPS, Kind

MAGIC = b"LTIND1\r\n"
ROWS_LIMIT = 4_000_000
RECORD = struct.Struct("=QIHBBB3xI")  # second half, end, source, confidence, tlp, tag, wider network
NO_CONFIDENCE = 255
NONE = 0xFFFFFFFF
_HIGH = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator, in normal form."""

    kind: str
    value: str
    source: int = 0
    confidence: int | None = None
    tlp: str = DEFAULT_TLP
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What was found."""

    kind: Kind
    value: str
    key: str  # of all that is kept about this indicator: 32 hexadecimal digits
    source: str
    confidence: int | None
    tlp: str
    expires: int  # 0: never

    def ended(self, now: float) -> bool:
        return bool(self.expires) and now >= self.expires


def tables_folder(root: Path) -> Path:
    """Where a node keeps its sets: the API writes them, the correlator maps them."""
    return root / "indicators"


def table_path(root: Path, agency: str) -> Path:
    """The set of one agency's own indicators; of "": those for all. Hashed: a code is never part of a path."""
    return tables_folder(root) / f"{blake2b(agency.encode(), digest_size=8).hexdigest()}.ltind"


def digest(kind: Kind, key: bytes) -> bytes:
    return blake2b(key, digest_size=16, person=bytes((kind.tag,))).digest()


def key_of(kind: Kind, normal: str) -> str:
    """The name of sightings and rows: of the value as matched, so that `http` and `https` are one."""
    return digest(kind, kind.key(normal)).hex()


def write(path: Path, rows: Iterable[Row], sources: Mapping[int, str], made_at: float, agency: str = "",
          state: int = 0) -> int:  # fmt: skip
    """Make the file; how many indicators it has. `state`: a number of the writer's, to know whether it is old."""
    content, count = build(rows, sources, made_at, agency, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(handle, "wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return count


def build(
    rows: Iterable[Row], sources: Mapping[int, str], made_at: float, agency: str = "", state: int = 0
) -> tuple[list[bytes], int]:
    kinds = all_kinds()
    exact: list[bytes] = []
    nets: dict[str, tuple[int, ...]] = {}
    labels = 0
    for number, row in enumerate(rows):
        if number >= ROWS_LIMIT:
            raise ValueError(f"more than {ROWS_LIMIT} indicators")
        kind = kinds[row.kind]
        confidence = NO_CONFIDENCE if row.confidence is None else max(0, min(100, row.confidence))
        ends = 0 if row.expires is None else max(1, min(0xFFFFFFFE, int(row.expires)))
        said = (ends, row.source, confidence, TLPS.index(row.tlp), kind.tag)
        if kind.networks:
            known = nets.get(row.value)
            nets[row.value] = said if known is None or _better(said) > _better(known) else known
            continue
        key = kind.key(row.value)
        if kind.below:
            labels |= 1 << (key.count(b".") + 1)
        whole = digest(kind, key)
        # Sorted by digest, then the best one first: what follows with the same digest is left out.
        rank = bytes(
            255 - byte for byte in (*_better(said)[0].to_bytes(1, "big"), *_better(said)[1].to_bytes(5, "big"))
        )
        exact.append(whole + rank + struct.pack("=IHBBB", *said))
    exact.sort()
    return _file(exact, nets, {
        "agency": agency, "labels": f"{labels:x}", "made_at": made_at, "state": state,
        "sources": {str(key): name for key, name in sources.items()},
    })  # fmt: skip


def _better(said: Sequence[int]) -> tuple[int, int]:
    confidence = 0 if said[2] == NO_CONFIDENCE else said[2] + 1
    return confidence, (1 << 39) if not said[0] else said[0]


def _file(exact: list[bytes], nets: Mapping[str, tuple[int, ...]], head: Mapping[str, Any]) -> tuple[list[bytes], int]:
    digests, records = array("Q"), bytearray()
    last = b""
    for entry in exact:
        whole = entry[:16]
        if whole == last:
            continue
        last = whole
        digests.append(int.from_bytes(whole[:8], "big"))
        records += RECORD.pack(int.from_bytes(whole[8:], "big"), *struct.unpack("=IHBBB", entry[22:]), NONE)
    exact.clear()
    bits = max(1, min(20, len(digests).bit_length() - 2))
    buckets = array("I", bytes(4 * ((1 << bits) + 1)))
    shift = 64 - bits
    for value in digests:
        buckets[(value >> shift) + 1] += 1
    for index in range(1, len(buckets)):
        buckets[index] += buckets[index - 1]
    names, covered, v4, v6 = _pieces(nets)
    parts: dict[str, bytes] = {
        "digests": digests.tobytes(), "buckets": buckets.tobytes(), "records": bytes(records),
        "networks": b"".join(RECORD.pack(0, *nets[name], covered[name]) for name in names),
        "v4": v4[0].tobytes(), "v4_rows": v4[2].tobytes(),
        "v6": v6[0].tobytes(), "v6_low": v6[1].tobytes(), "v6_rows": v6[2].tobytes(),
    }  # fmt: skip
    places, at = {}, 0
    for name, part in parts.items():
        places[name] = (at, len(part))
        at += -(-len(part) // 8) * 8
    said = msgspec.msgpack.encode({
        **head, "order": sys.byteorder, "count": len(digests), "names": names, "bits": bits, "places": places,
    })  # fmt: skip
    start = len(MAGIC) + 8 + len(said)
    body = [said, bytes(-start % 8)]
    for part in parts.values():
        body += [part, bytes(-len(part) % 8)]
    parts.clear()
    crc = 0
    for piece in body:
        crc = zlib.crc32(piece, crc)
    return [MAGIC, struct.pack("=II", crc, len(said)), *body], len(digests) + len(names)


Pieces = tuple["array[int]", "array[int]", "array[int]"]


def _pieces(nets: Iterable[str]) -> tuple[list[str], dict[str, int], Pieces, Pieces]:
    """Names in the order of their numbers, the wider network of each, and the pieces of both families."""
    families: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
    for name in nets:
        net = ip_network(name)
        families[net.version].append((int(net.network_address), int(net.broadcast_address), name))
    names: list[str] = []
    wider: dict[str, int] = {}
    made: list[Pieces] = []
    for version in (4, 6):
        found = sorted(families[version], key=lambda one: (one[0], -one[1]))
        starts: list[tuple[int, int]] = []
        open_: list[tuple[int, int]] = []  # (last address, number), the narrowest at the end

        def close(before: int, open_: list[tuple[int, int]] = open_, starts: list[tuple[int, int]] = starts) -> None:
            while open_ and open_[-1][0] < before:
                last, _ = open_.pop()
                starts.append((last + 1, open_[-1][1] if open_ else NONE))

        for first, last, name in found:
            close(first)
            wider[name] = open_[-1][1] if open_ else NONE
            open_.append((last, len(names)))
            starts.append((first, len(names)))
            names.append(name)
        close(1 << 129)
        made.append(_halves(starts, version))
    return names, wider, made[0], made[1]


def _halves(starts: Sequence[tuple[int, int]], version: int) -> Pieces:
    whole: dict[int, int] = dict(starts)  # of two at one address the later is the narrower, or what follows an end
    ordered = sorted(item for item in whole.items() if item[0] < 1 << (32 if version == 4 else 128))
    high = array("Q", (at if version == 4 else at >> 64 for at, _ in ordered))
    low = array("Q", (at & _HIGH for at, _ in ordered)) if version == 6 else array("Q")
    return high, low, array("I", (row for _, row in ordered))


class IndicatorTable:
    """A set that is mapped. `find` for kinds with keys, `find_address` for networks."""

    def __init__(self, path: Path | bytes) -> None:
        """`bytes`: a set that was just built, for a hunt."""
        try:
            if isinstance(path, bytes):
                whole = memoryview(path)
            else:
                with path.open("rb") as file:
                    whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise ValueError(f"not readable: {error.strerror}") from None
        if bytes(whole[:8]) != MAGIC or len(whole) < 16:
            raise ValueError("not a set of indicators")
        crc, length = struct.unpack("=II", whole[8:16])
        if zlib.crc32(whole[16:]) != crc:
            raise ValueError("damaged: the checksum differs")
        try:
            head: dict[str, Any] = msgspec.msgpack.decode(whole[16 : 16 + length])
            if head["order"] != sys.byteorder:
                raise ValueError("of a machine with another byte order")
            self.count: int = head["count"] + len(head["names"])
            self.made_at: float = head["made_at"]
            self.agency: str = head["agency"]
            self.state: int = head["state"]
            self._names: list[str] = head["names"]
            self._sources: dict[str, str] = head["sources"]
            self.labels = int(head["labels"], 16)
            base = 16 + length + (-(16 + length) % 8)
            places = {name: whole[base + at : base + at + size] for name, (at, size) in head["places"].items()}
            self._digests, self._buckets = places["digests"].cast("Q"), places["buckets"].cast("I")
            self._records, self._networks = places["records"], places["networks"]
            self._v4, self._v4_rows = places["v4"].cast("Q"), places["v4_rows"].cast("I")
            self._v6, self._v6_low = places["v6"].cast("Q"), places["v6_low"].cast("Q")
            self._v6_rows = places["v6_rows"].cast("I")
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise ValueError(f"not a set of indicators: {type(error).__name__}") from None
        self._shift = 64 - int(head["bits"])
        self._kinds = {kind.tag: kind for kind in all_kinds().values()}
        self.any_network = bool(self._names)
        self.bytes = len(whole)

    def find(self, kind: Kind, key: bytes, value: str) -> Known | None:
        whole = blake2b(key, digest_size=16, person=bytes((kind.tag,))).digest()
        first = int.from_bytes(whole[:8], "big")
        bucket = first >> self._shift
        digests, buckets = self._digests, self._buckets
        end = buckets[bucket + 1]
        at = bisect_left(digests, first, buckets[bucket], end)
        while at < end and digests[at] == first:
            record = RECORD.unpack_from(self._records, at * RECORD.size)
            if record[0] == int.from_bytes(whole[8:], "big"):
                return self._known(record, value, whole.hex())
            at += 1
        return None

    def find_address(self, raw: bytes, now: float = 0.0) -> Known | None:
        """The narrowest network around an address (4 or 16 bytes) that has not ended."""
        number = self._piece(raw)
        while number != NONE:
            record = RECORD.unpack_from(self._networks, number * RECORD.size)
            name = self._names[number]
            found = self._known(record, name, "")
            if not found.ended(now):
                return self._known(record, name, key_of(found.kind, name))
            number = record[6]
        return None

    def _piece(self, raw: bytes) -> int:
        number = int.from_bytes(raw, "big")
        if len(raw) == 4:
            at = bisect_right(self._v4, number) - 1
            return self._v4_rows[at] if at >= 0 else NONE
        if len(raw) != 16:
            return NONE
        high = number >> 64
        first = bisect_left(self._v6, high)
        last = bisect_right(self._v6, high, first)
        at = bisect_right(self._v6_low, number & _HIGH, first, last) - 1
        return self._v6_rows[at] if at >= 0 else NONE

    def _known(self, record: tuple[int, ...], value: str, key: str) -> Known:
        _, expires, source, confidence, tlp, tag, _ = record
        return Known(self._kinds[tag], value, key, self._sources.get(str(source), ""),
                     None if confidence == NO_CONFIDENCE else confidence, TLPS[tlp], expires)  # fmt: skip
