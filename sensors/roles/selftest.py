"""`luytre-sensor selftest`: a harmless, marked event through the log role's spool; a shipped rule makes an alert of it.

In:  --config. Out: the event's id on stdout, what to look for on stderr, once it is durable in the spool. Exit 0; 75
when no log role took it within `--wait` seconds and its spool is held by another process.
When no log role is running, this process writes to the spool itself.
"""

from __future__ import annotations

import argparse
import getpass
import secrets
import socket
import sys
import time
from pathlib import Path

from sensors.config import Config, NodeTable
from sensors.errors import EXIT_OK, EXIT_TEMPORARY, LuytreError
from sensors.sources import selftest


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path)
    parser.add_argument("--wait", type=float, default=15.0, metavar="SECONDS", help="for the log role to take it")


def run(args: argparse.Namespace) -> int:
    node = Config(args.config).table("node", NodeTable)
    observer = node.observer or socket.gethostname()
    request = selftest.Request(secrets.token_hex(8), _user(), time.time())
    path = selftest.ask(node.root, request)
    ends = time.monotonic() + args.wait
    tried = False
    while path.exists():
        if not tried and time.monotonic() > ends - args.wait + min(3.0, args.wait / 2):
            tried = True
            if _write(node.root, request, observer):
                break
        if time.monotonic() > ends:
            selftest.done(path)
            print("không có cảm biến `log` nào nhận sự kiện thử / no log sensor took the test event\n"
                  "  = luytre-sensor log --config …", file=sys.stderr)  # fmt: skip
            return EXIT_TEMPORARY
        time.sleep(0.1)
    selftest.done(path)
    print(selftest.event(request, observer, request.asked)["event"]["id"])
    print("đã ghi sự kiện thử; vài giây nữa nút có cảnh báo “Lũy Tre tự kiểm tra” / the test event is recorded; an "
          "alert “Lũy Tre Tests Itself” follows within seconds", file=sys.stderr)  # fmt: skip
    return EXIT_OK


def _write(data: Path, request: selftest.Request, observer: str) -> bool:
    """False when the spool is held by a running role, which will take the request in a moment."""
    from sensors.spool import SpoolWriter

    try:
        with SpoolWriter(data / "spool" / "log", observer=observer) as spool:
            spool.append([selftest.event(request, observer, time.time())])
    except (OSError, LuytreError):
        return False
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
