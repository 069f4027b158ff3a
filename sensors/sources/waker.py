"""Tells a sleeping loop that something changed in some folders (inotify by `watchfiles`).

In:  folders, an Event to set. A file system without notices (NFS), too many watches, a folder that goes: all mean no
wake-up and nothing else, because whoever waits also looks for himself once in a while.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import watchfiles


class Waker:
    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._folders: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem = ""

    def watch(self, folders: Iterable[str]) -> None:
        """Watch exactly these folders from now on."""
        wanted = set(folders)
        alive = self._thread is not None and self._thread.is_alive()
        if wanted == self._folders and (alive or self.problem):
            return
        self.close()
        self._folders, self._stop, self.problem = wanted, threading.Event(), ""
        if wanted:
            self._thread = threading.Thread(target=self._run, args=(wanted, self._stop), name="waker", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(5)
            self._thread = None

    def _run(self, folders: set[str], stop: threading.Event) -> None:
        try:
            for _ in watchfiles.watch(*folders, watch_filter=None, debounce=100, step=20, stop_event=stop,
                                      rust_timeout=500, recursive=False, raise_interrupt=False):  # fmt: skip
                self._wake.set()
        except (OSError, RuntimeError) as error:
            self.problem = str(error)
