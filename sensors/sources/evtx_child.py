"""The process that opens EVTX files, so that a hostile one can only hang or kill this.

In:  on stdin, a path a line (JSON string). Out: on stdout, frames `length (4 bytes, big endian) + kind + body`:
     R a record as JSON, E a record that cannot be read (reason), F the file is done (reason, or empty).
Bound: 1 GiB of address space, `size / 24` records a file (the smallest record is larger than that).
Run by path with `python -I`: it imports nothing of ours and inherits no search path.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from typing import BinaryIO

LIMIT_BYTES = 1 << 30
_SMALLEST_RECORD = 24


def send(out: BinaryIO, kind: bytes, body: str) -> None:
    data = body.encode("utf-8", "replace")
    out.write(struct.pack(">I", len(data)) + kind + data)


def read(path: str, out: BinaryIO) -> str:
    import evtx

    left = os.path.getsize(path) // _SMALLEST_RECORD + 1  # noqa: PTH202
    records = iter(evtx.PyEvtxParser(path, number_of_threads=1).records_json())
    while left:
        left -= 1
        try:
            record = next(records)
        except StopIteration:
            return ""
        except (RuntimeError, ValueError, OSError) as error:
            send(out, b"E", f"{error}"[:300])
            continue
        if record:
            send(out, b"R", record["data"])
    return "more records than a file of this size can hold"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        try:
            reason = read(json.loads(line), out)
        except BaseException as error:  # a Rust panic is a BaseException
            reason = f"{type(error).__name__}: {error}"[:300]
        send(out, b"F", reason)
        out.flush()


if __name__ == "__main__":
    main()
