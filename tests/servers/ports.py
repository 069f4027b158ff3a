"""A port for a node that is told its ports before it binds them.

In: nothing. Out: a number on loopback that nobody listens at and nobody else is given. A port that was bound to 0 and
let go may be another's a second later: an outgoing connection's, or a second run's (`./soc test` has two at once).
These lie below what Linux gives to connections (32768, ip_local_port_range); each run holds a block of its own by a
lock that ends with its process, and goes round in it, so that a port comes again after 500 others.
"""

from __future__ import annotations

import fcntl
import functools
import itertools
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

FIRST, BLOCK, BLOCKS = 12_000, 500, 40


def free_port() -> int:
    for port in itertools.islice(_mine(), BLOCK):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # taken, or its last connections are not forgotten yet
                continue
            return port
    raise OSError(f"no free port in {BLOCK}")


@functools.cache
def _mine() -> Iterator[int]:
    for number in range(BLOCKS):
        if _hold(number):
            return itertools.cycle(range(FIRST + number * BLOCK, FIRST + (number + 1) * BLOCK))
    raise OSError(f"{BLOCKS} runs hold all ports: {tempfile.gettempdir()}/luytre-ports-*")


_held: list[IO[bytes]] = []  # open as long as the process lives


def _hold(number: int) -> bool:
    folder = Path(tempfile.gettempdir())
    try:
        file = (folder / f"luytre-ports-{number}").open("ab")
    except PermissionError:  # another account's
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _held.append(file)
    return True
