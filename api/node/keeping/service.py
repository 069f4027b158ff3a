"""Stop and start a node as a whole, and ask whether it is well: by systemd, or the `luytre up` that runs in its folder.

In:  the prefix (whose `current` is what runs) and the configuration. Out: nothing, or LuytreError when it does not.
Well: the API answers on its local socket out of the environment that is meant, and no program has given up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Protocol

from api.health import process
from api.local_port import ask
from sensors.config import Config, NodeTable
from sensors.errors import LuytreError, Problem, Unavailable

STOP_LIMIT_S = 60.0
POLL_S = 0.25


class Service(Protocol):
    def stop(self) -> None: ...

    def start(self) -> None: ...


class Systemd:
    UNIT = "luytre.target"

    def stop(self) -> None:
        _systemctl("stop", self.UNIT)

    def start(self) -> None:
        _systemctl("start", self.UNIT)

    @staticmethod
    def runs_here() -> bool:
        return Path("/run/systemd/system").is_dir() and Path("/etc/systemd/system/luytre.target").exists()


class Supervised:
    """`luytre up` as a process of its own."""

    def __init__(self, prefix: Path, config: Config) -> None:
        self._prefix, self._config = prefix, config
        self._data = config.table("node", NodeTable).root

    def stop(self) -> None:
        pid = supervisor_pid(self._data)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + STOP_LIMIT_S
        while _alive(pid):
            if time.monotonic() > end:
                raise LuytreError(Problem("LT-N0540", "nút không dừng", "the node does not stop"))
            time.sleep(POLL_S)

    def start(self) -> None:
        if supervisor_pid(self._data) is not None:
            return
        log = self._data / "log" / "up.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        environ = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        with log.open("ab") as out:
            child = subprocess.Popen(
                [str(self._prefix / "current" / "bin" / "luytre"), "up", "--config", str(self._config.path)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=environ, cwd=self._data,
            )  # fmt: skip
        child.returncode = 0  # it outlives us: nobody waits for it


def supervisor_pid(data: Path) -> int | None:
    """The process of the `luytre up` that runs in this folder."""
    try:
        pid = json.loads((data / "run" / "supervisor.json").read_text("utf-8"))["pid"]
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, KeyError):
        return None
    return int(pid) if b"luytre" in words and _alive(int(pid)) else None


def is_well(config: Config, environment: Path) -> str | None:
    """None when the node runs out of `environment` and answers; else why not yet."""
    data = config.table("node", NodeTable).root
    said = process(data, "luytre-api")
    try:
        words = Path(f"/proc/{said.get('pid')}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return "luytre-api is not running"
    python = words.partition("\x00")[0]
    if not (python.startswith(f"{environment}/") or f"/{environment.name}/" in os.path.realpath(Path(python).parent)):
        return f"luytre-api runs out of {python}"
    try:
        if ask(data, "machines", timeout_s=10.0) is None:
            return "luytre-api does not answer"
        state = json.loads((data / "run" / "supervisor.json").read_text("utf-8"))["children"]
    except (Unavailable, LuytreError, OSError, ValueError, KeyError) as error:
        return str(error) or type(error).__name__
    down = [name for name, child in state.items() if child["given_up"] and name in ("luytre-api", "luytre-run",
                                                                                    "luytre-index")]  # fmt: skip
    return f"given up: {', '.join(down)}" if down else None


def wait_until_well(config: Config, environment: Path, limit_s: float) -> str | None:
    """None as soon as it is well; after `limit_s` the last reason."""
    end = time.monotonic() + limit_s
    while True:
        why = is_well(config, environment)
        if why is None or time.monotonic() >= end:
            return why
        time.sleep(POLL_S)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _systemctl(verb: str, unit: str) -> None:
    done = subprocess.run(["systemctl", verb, unit], capture_output=True, text=True, check=False, timeout=300,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()[-300:]
        raise LuytreError(Problem("LT-N0541", f"systemctl {verb}: {said}", f"systemctl {verb}: {said}"))
