"""Compiled rules on disk: what was read of each rule file, and hyperscan's databases, so that a start takes no second.

In:  a folder of this user's alone. Out: `Kept`: a file's items without its YAML being read, a database without its
     patterns being compiled; what is new is written at the end, in one file, atomically.
Invariants, each a test of tests/unit/test_engine_cache.py:
1. An entry is found by the file's path and bytes, under a key of all else that it came from: this program's source, the
   libraries' and Python's versions, the placeholder values, the pySigma transformations. Nothing is ever out of date.
2. An entry that would not come back exactly equal is not written, nor one over `ENTRY_LIMIT_CHARS`.
3. The file is data (msgpack, read into the types of `read.Item`), never a program: no pickle, no marshal.
4. A file that is absent, damaged, cut, of other owners, open to others, a link or over `LIMIT_BYTES` is as none at all:
   the rules are read, and it is written anew. What can't be written is not written. Neither stops anything.
5. Entries that a load did not ask for are dropped with the next write.
Layout: MAGIC, 32 bytes key, 32 bytes BLAKE2b of key and body, body: msgpack of `_Body`. Not synced: what a crash tears
does not check.
Precedent: Suricata 8 keeps hyperscan databases the same way (`detect.sgh-mpm-caching`). README.md says what it risks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import msgspec

from correlator.engine.conditions import AllOf, AnyOf, Exists, Is, Keyword, Not, Null, SameAs
from correlator.engine.read import Item
from correlator.engine.values import Regex, Test, Text

SCHEMA = 1
MAGIC = b"LTRULES\n"
LIMIT_BYTES = 256 * 1024 * 1024
ENTRY_LIMIT_CHARS = 8 * 1024 * 1024  # of a file's conditions: in memory many leaves share one field's name
NAME = "rules"
ABSENT = "there is none yet"

_LIBRARIES = ("luytre", "msgspec", "PyYAML", "google-re2", "hyperscan", "pysigma")
_FAILED = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)  # of writing or reading msgpack
_KEY_BYTES = 32

Read = Callable[[str, bytes], tuple[Item, ...]]


class Used(NamedTuple):
    """What a load had of its cache. `why`: of one that could not be used, or not be written."""

    kept: int = 0  # files
    read: int = 0
    why: str = ""


class _Body(msgspec.Struct, array_like=True):
    files: dict[bytes, msgspec.Raw]
    databases: dict[bytes, bytes]


_encoder, _bodies, _items = (
    msgspec.msgpack.Encoder(),
    msgspec.msgpack.Decoder(_Body),
    msgspec.msgpack.Decoder(tuple[Item, ...]),
)


class Kept:
    """The cache during one load."""

    def __init__(self, body: _Body | None = None, why: str = "") -> None:
        self._old = body or _Body({}, {})
        self._new = _Body({}, {})
        self._room = LIMIT_BYTES // 2  # the other half: the databases, and what msgpack adds
        self._changed = body is None
        self.used = Used(why=why)

    def items(self, path: str, data: bytes, read: Read) -> tuple[Item, ...]:
        """What the file holds: from before, or `read` now."""
        key = _digest(os.fsencode(path), data)[:16]
        raw = self._old.files.get(key)
        if raw is not None:
            try:
                items = _items.decode(raw)
            except _FAILED:  # the sum was right, so this is our own mistake: read the rule
                pass
            else:
                self._keep(key, raw)
                self.used = self.used._replace(kept=self.used.kept + 1)
                return items
        items = read(path, data)
        self.used = self.used._replace(read=self.used.read + 1)
        self._changed = True
        if (written := _written(items)) is not None:
            self._keep(key, msgspec.Raw(written))
        return items

    def database(self, asked: bytes, make: Callable[[], bytes]) -> bytes:
        """What `make` gave for the same question."""
        key = _digest(asked)
        found = self._old.databases.get(key)
        if found is None:
            found = make()
            self._changed = True
        if len(found) < self._room:
            self._new.databases[key] = found
            self._room -= len(found)
        return found

    def _keep(self, key: bytes, raw: msgspec.Raw) -> None:
        size = len(memoryview(raw))
        if size < self._room:
            self._room -= size
            self._new.files[key] = raw

    def body(self) -> bytes | None:
        """To be written; None when nothing has changed."""
        before, after = self._old, self._new
        gone = len(before.files) > len(after.files) or len(before.databases) > len(after.databases)
        return _encoder.encode(after) if self._changed or gone else None


class Cache:
    """`write`: False for those who look at rules beside the program that owns the cache, at perhaps a part of them."""

    def __init__(self, folder: Path, *, write: bool = True) -> None:
        self._folder, self._write = folder, write
        self.used = Used()  # by the last load

    @contextlib.contextmanager
    def open(self, *given: object) -> Iterator[Kept]:
        """`given`: what besides the files' bytes decides what a rule becomes."""
        key = _digest(_program(), *(repr(one).encode("utf-8", "surrogatepass") for one in given))
        body: _Body | None = None
        why = ""
        try:
            body = self._read(key)
        except FileNotFoundError:
            why = ABSENT
        except OSError as error:
            why = f"not readable: {error.strerror}"
        except _Unfit as reason:
            why = str(reason)
        kept = Kept(body, why)
        yield kept
        self.used = kept.used
        try:
            if self._write and (made := kept.body()) is not None:
                self._replace(MAGIC + key + _digest(key, made) + made)
        except OSError as error:
            self.used = kept.used._replace(why=f"not written: {error.strerror}")
        except _Unfit as reason:
            self.used = kept.used._replace(why=f"not written: {reason}")

    def _read(self, key: bytes) -> _Body:
        with _folder(self._folder) as folder:
            fd = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(fd, "rb") as file:
            _ours(os.fstat(fd), stat.S_IFREG)
            data = memoryview(file.read(LIMIT_BYTES + 1))
        head, end = len(MAGIC), len(MAGIC) + 2 * _KEY_BYTES
        if len(data) > LIMIT_BYTES or data[:head] != MAGIC or len(data) < end:
            raise _Unfit("it is none of ours, or cut")
        if data[head : head + _KEY_BYTES] != key:
            raise _Unfit("made by another version or with other values")
        if _digest(key, data[end:]) != data[head + _KEY_BYTES : end]:
            raise _Unfit("it is damaged")
        try:
            return _bodies.decode(data[end:])
        except _FAILED as error:
            raise _Unfit(f"not readable: {error}"[:200]) from None

    def _replace(self, data: bytes) -> None:
        if len(data) > LIMIT_BYTES:
            raise _Unfit(f"over {LIMIT_BYTES} bytes")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder(self._folder) as folder:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _Unfit("another program is writing it") from None
            new = NAME + ".new"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new, dir_fd=folder)  # of a writer that was killed
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(new, flags, 0o600, dir_fd=folder), "wb") as file:
                    file.write(data)
            except OSError:
                os.unlink(new, dir_fd=folder)
                raise
            os.replace(new, NAME, src_dir_fd=folder, dst_dir_fd=folder)


class _Unfit(Exception):
    """Why a cache is as none."""


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _ours(os.fstat(folder), stat.S_IFDIR)
        yield folder
    finally:
        os.close(folder)


def _ours(found: os.stat_result, kind: int) -> None:
    """Whoever may write there decides what our rules are: nobody but us."""
    if stat.S_IFMT(found.st_mode) != kind:
        raise _Unfit("not a regular file" if kind == stat.S_IFREG else "not a folder")
    if found.st_uid != os.geteuid() or found.st_mode & (0o077 if kind == stat.S_IFREG else 0o022):
        raise _Unfit("not this user's alone")


def _written(items: tuple[Item, ...]) -> bytes | None:
    """None when they would not come back the same: a number of 65 bits, NaN, a lone surrogate."""
    if not _small(items):
        return None
    try:
        written = _encoder.encode(items)
        back = _items.decode(written)
        return written if back == items and _encoder.encode(back) == written else None
    except _FAILED:
        return None


def _small(items: tuple[Item, ...]) -> bool:
    chars = 0
    left = [made.condition for item in items if (made := item.rule or item.filter) is not None]
    while left and chars < ENTRY_LIMIT_CHARS:
        match left.pop():
            case AllOf(parts) | AnyOf(parts):
                left.extend(parts)
            case Not(part):
                left.append(part)
            case Is(name, test):
                chars += len(name) + _chars(test)
            case Keyword(test):
                chars += _chars(test)
            case SameAs(name, other):
                chars += len(name) + len(other)
            case Null(name) | Exists(name):
                chars += len(name)
    return not left


def _chars(test: Test) -> int:
    match test:
        case Text(parts):
            return sum(len(part) for part in parts if isinstance(part, str))
        case Regex(pattern):
            return len(pattern)
    return 0


def _digest(*parts: bytes | memoryview) -> bytes:
    made = blake2b(digest_size=_KEY_BYTES)
    for part in parts:
        made.update(len(part).to_bytes(8, "big"))
        made.update(part)
    return made.digest()


@cache
def _program() -> bytes:
    """This engine as it is: in a working tree the version alone doesn't tell."""
    own = Path(__file__).parent
    sources = [*sorted(own.rglob("*.py")), own.parent / "hit.py"]
    return _digest(str(SCHEMA).encode(), sys.version.encode(), *(_version(name) for name in _LIBRARIES),
                   *(path.read_bytes() for path in sources))  # fmt: skip


def _version(name: str) -> bytes:
    try:
        return metadata.version(name).encode()
    except metadata.PackageNotFoundError:
        return b""
