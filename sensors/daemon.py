"""What every long-running process does alike: logging, signals, systemd's notifications, one line of health.

A process makes a `Daemon`, loops `while not daemon.stop.is_set()`, and calls `daemon.report(...)` with its counters;
they are written atomically to `<data>/run/<name>.json`, where `/metrics`, the sensor screen and `doctor` read them.
SIGTERM and SIGINT set `stop`; a second one ends at once. kill -9 is a normal way to
stop: nothing here must run at exit.
Source: sd_notify(3).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from sensors.logger import Logger, logger
from sensors.version import version

__all__ = ["Daemon", "Logger", "logger", "notify"]


class Daemon:
    def __init__(self, name: str, data: Path, *, parent: int | None = None) -> None:
        """`parent`: end when this process is gone (a supervisor killed by -9 must not leave orphans)."""
        self.name = name
        self.stop = threading.Event()
        self.log = logger(name)
        self._health = data / "run" / f"{name}.json"
        self._health.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.time()
        self._version = version()  # what was installed when this process began: an upgrade meanwhile is a skew
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
        parent = parent or int(os.environ.get("LUYTRE_PARENT_PID", "0")) or None
        if parent:
            threading.Thread(target=self._watch_parent, args=(parent,), daemon=True).start()

    def ready(self, status: str = "") -> None:
        notify(f"READY=1\nSTATUS={status}")
        self.report({})

    def report(self, counters: Mapping[str, Any]) -> None:
        """Counters as people will see them; `pid`, `started`, `updated` (epoch seconds) and `version` are added."""
        body = {"name": self.name, "pid": os.getpid(), "started": self._started, "updated": time.time(),
                "version": self._version, **counters}  # fmt: skip
        temporary = self._health.with_suffix(".new")
        temporary.write_text(json.dumps(body), encoding="utf-8")
        temporary.replace(self._health)
        notify("WATCHDOG=1")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.stop.is_set():
            os._exit(130)
        self.stop.set()

    def _watch_parent(self, parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        self.stop.set()
        time.sleep(10)
        os._exit(0)


def notify(message: str) -> None:
    """Tell systemd, if it asked to be told."""
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect("\0" + where[1:] if where[0] == "@" else where)
            sock.sendall(message.encode())
        except OSError:
            pass
