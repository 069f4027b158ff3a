"""Keeps the processes of one node running: starts them, starts them again when they end, stops them together.

In:  names and command lines. Out: `<data>/run/supervisor.json` (state of each child, for `/system` and `doctor`), their
stderr in `<data>/log/<name>.log` (two files of `LOG_LIMIT_BYTES` at most). A child that ends is started again after
0.2, 0.4 … 30 s (back to 0.2 s once it has run for five seconds); one that ends with 78 (bad configuration) or 77 (a
right is missing) stays down and says so, as systemd's RestartPreventExitStatus would do. Children watch their parent,
so that killing this process leaves no orphans.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sensors.errors import EXIT_CONFIG, EXIT_PERMISSION, Problem, Unavailable

LOG_LIMIT_BYTES = 8 * 1024 * 1024
FIRST_WAIT_S, LONGEST_WAIT_S, SETTLED_S = 0.2, 30.0, 5.0
START_LIMIT_S = 120.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Program:
    """A child: its name and the module with its words, run by this very Python."""

    name: str
    module: str
    words: Sequence[str] = ()


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    next_start: float = 0.0
    wait_s: float = FIRST_WAIT_S
    restarts: int = 0
    last_exit: int | None = None
    given_up: bool = False


class Supervisor:
    def __init__(self, data: Path, programs: Sequence[Program], config: Path,
                 environ: Mapping[str, str] = os.environ) -> None:  # fmt: skip
        self._data, self._config, self._environ = data, config, environ
        self._children = {program.name: _Child(program) for program in programs}
        self._lock = threading.Lock()
        self._stopping = False

    def tick(self) -> None:
        """Start what should run and does not; call it a few times a second."""
        with self._lock:
            if self._stopping:
                return
            for child in self._children.values():
                self._look_after(child, time.monotonic())
            self._write_state()

    def run(self, stop: threading.Event) -> None:
        """Look after the children until `stop` is set, then stop them."""
        while not stop.is_set():
            self.tick()
            stop.wait(0.2)
        self.stop()

    def pid(self, name: str) -> int | None:
        """Process id of a running child."""
        process = self._children[name].process
        return process.pid if process and process.poll() is None else None

    def names(self) -> list[str]:
        return list(self._children)

    def restarts(self) -> dict[str, int]:
        return {name: child.restarts for name, child in self._children.items()}

    def given_up(self) -> dict[str, int | None]:
        """Children that stay down, with their exit status."""
        return {name: child.last_exit for name, child in self._children.items() if child.given_up}

    def last_words(self, names: Iterable[str], limit_chars: int = 600) -> tuple[str, ...]:
        """The end of what these children wrote to stderr."""
        found = []
        for name in names:
            log = self._data / "log" / f"{name}.log"
            words = log.read_text("utf-8", "replace")[-limit_chars:] if log.exists() else "–"
            found.append(f"{name}: {words.strip()}")
        return tuple(found)

    def stop(self, patience_s: float = 15.0) -> None:
        """SIGTERM to all (sensors first, the API last: what they hold can still be sent), SIGKILL for who stays."""
        with self._lock:
            self._stopping = True
            running = [c.process for c in self._children.values() if c.process and c.process.poll() is None]
            for process in running:
                process.send_signal(signal.SIGTERM)
            end = time.monotonic() + patience_s
            for process in running:
                try:
                    process.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self._write_state()

    def _look_after(self, child: _Child, now: float) -> None:
        if child.given_up:
            return
        if child.process is not None:
            status = child.process.poll()
            if status is None:
                if now - child.started > SETTLED_S:
                    child.wait_s = FIRST_WAIT_S
                return
            child.process, child.last_exit = None, status
            if status in (EXIT_CONFIG, EXIT_PERMISSION):
                child.given_up = True
                return
            child.restarts += 1
            child.next_start = now + child.wait_s
            child.wait_s = min(child.wait_s * 2, LONGEST_WAIT_S)
        if now >= child.next_start:
            self._start(child, now)

    def _start(self, child: _Child, now: float) -> None:
        program = child.program
        log = self._data / "log" / f"{program.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        env = {**self._environ, "LUYTRE_PARENT_PID": str(os.getpid()), "PYTHONSAFEPATH": "1",
               "LUYTRE_CONFIG": str(self._config)}  # fmt: skip
        with log.open("ab") as errors:
            child.process = subprocess.Popen(
                [sys.executable, "-m", program.module, *program.words],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=env, cwd=self._data,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops them in order
            )  # fmt: skip
        child.started = now

    def _write_state(self) -> None:
        state = {
            name: {
                "pid": child.process.pid if child.process else None,
                "restarts": child.restarts,
                "last_exit": child.last_exit,
                "given_up": child.given_up,
            }
            for name, child in self._children.items()
        }
        text = json.dumps({"pid": os.getpid(), "children": state})
        path = self._data / "run" / "supervisor.json"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)


def wait_for(look: Callable[[], T | None], what: str, *supervised: Supervisor, limit_s: float = START_LIMIT_S) -> T:
    """The first true answer of `look`; raises Unavailable with the last words of whoever gave up or stays silent."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        for supervisor in supervised:
            down = supervisor.given_up()
            if down:
                vi, en = f"{what}: tiến trình dừng hẳn {down}", f"{what}: {down} stay down"
                raise Unavailable(Problem("LT-N0101", vi, en, hints=supervisor.last_words(down)))
        time.sleep(0.1)
    hints = tuple(words for supervisor in supervised for words in supervisor.last_words(supervisor.names()))
    raise Unavailable(
        Problem("LT-N0102", f"chờ quá {limit_s:.0f} giây: {what}", f"waited {limit_s:.0f} s for {what}", hints=hints)
    )
