"""Windows event log files, read by a child process that may be killed (`evtx_child.py`).

In:  paths. Out: (record number within the file, decoded record) with what could not be read as a reason; the record's
layout is that of the `evtx` library, `formats/windows_event.py` makes ECS of it.
Bound: a file that gives nothing for `stall_s`, or takes longer than `limit_s`, costs the child its life; the next file
gets a new one. A frame is at most 16 MiB. The library has looped for ever on files in the field (evtx#263, #288).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

FRAME_LIMIT_BYTES = 16 << 20
_HEADER = struct.Struct(">Ic")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Record(NamedTuple):
    """`payload` None: this record could not be read, `problem` says why. `number` counts from 1, damaged ones too."""

    number: int
    payload: dict[str, Any] | None
    problem: str = ""


class EvtxReader:
    def __init__(self, stall_s: float = 10.0, limit_s: float = 600.0, child: Path | None = None) -> None:
        self._stall_s, self._limit_s = stall_s, limit_s
        self._script = child or Path(__file__).with_name("evtx_child.py")
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def read(self, path: Path) -> Iterator[Record]:
        """The records of one file, in the file's order; a `problem` comes last when it could not be read through."""
        child = self._start()
        assert child.stdin
        number, done = 0, False
        try:
            child.stdin.write(json.dumps(str(path.absolute())).encode() + b"\n")
            child.stdin.flush()
            for kind, body in self._frames(child):
                if kind == b"F":
                    done = True
                    if body:
                        yield Record(number + 1, None, body.decode("utf-8", "replace"))
                    return
                number += 1
                yield _record(number, kind, body)
        except _StallError as stalled:
            yield Record(number + 1, None, str(stalled))
        except OSError as error:
            yield Record(number + 1, None, f"the reading process ended: {error}")
        finally:
            if not done:  # half a file is still in the pipe
                self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(
                [sys.executable, "-I", str(self._script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child

    def _frames(self, child: subprocess.Popen[bytes]) -> Iterator[tuple[bytes, bytes]]:
        assert child.stdout
        source, buffer = child.stdout.fileno(), bytearray()
        ends = time.monotonic() + self._limit_s
        while True:
            at = 0
            while len(buffer) - at >= _HEADER.size:
                length, kind = _HEADER.unpack_from(buffer, at)
                if length > FRAME_LIMIT_BYTES:
                    raise _StallError(f"a record of {length} bytes")
                if len(buffer) - at < _HEADER.size + length:
                    break
                at += _HEADER.size
                yield kind, bytes(buffer[at : at + length])
                at += length
            del buffer[:at]
            left = min(self._stall_s, ends - time.monotonic())
            if left <= 0 or not select.select([source], [], [], left)[0]:
                raise _StallError("no end in sight: the reading process was stopped")
            data = os.read(source, 1 << 20)
            if not data:
                raise _StallError("the reading process died on this file")
            buffer += data


class _StallError(Exception):
    pass


def _record(number: int, kind: bytes, body: bytes) -> Record:
    if kind == b"E":
        return Record(number, None, body.decode("utf-8", "replace"))
    try:
        return Record(number, _decode(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Record(number, None, "a record that is not JSON")
