"""What a check may look at: this machine, its configuration as far as it can be read, what its processes report.

In:  the path of luytre.toml, a clock, how many seconds may be spent on counting packets. Nothing here is written, and
a configuration that cannot be used does not stop the other checks: they see the defaults, and say what they see.
Bound: ANSWER_BYTES of a file, COMMAND_S of a foreign command.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from api.health import processes
from sensors.clock import Clock, SystemClock
from sensors.config import Config, NodeTable, Table
from sensors.errors import ConfigError, Problem

if TYPE_CHECKING:
    from sqlalchemy import Connection

COMMAND_S = 5.0
FRESH_S = 60.0  # twice the longest interval at which a process reports
S = TypeVar("S", bound=Table)


class Machine:
    def __init__(self, path: Path | None = None, *, clock: Clock | None = None, seconds: float = 5.0,
                 environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> None:  # fmt: skip
        """`root`: where /proc, /sys and /etc are looked for."""
        self.clock, self.seconds, self.root = clock or SystemClock(), seconds, root
        self.environ = environ
        self.problems: list[Problem] = []
        self.config: Config | None = None
        self.path = Path(path or environ.get("LUYTRE_CONFIG") or "/etc/luytre/luytre.toml")
        try:
            self.config = Config(self.path, environ, refuse=False)
            self.path = self.config.path
        except ConfigError as error:
            self.problems.extend(error.problems)
        self.node = self.table("node", NodeTable, default=NodeTable(data=str(self.path.parent)))
        self.data = self.node.root
        self.keys = self.data / "keys"
        self.reports: dict[str, dict[str, Any]] = {body["name"]: body for body in processes(self.data)}

    def table(self, name: str, kind: type[S], default: S | None = None) -> S:
        """A table of the configuration; where it cannot be used, `default` or what it would be if it were empty."""
        if self.config is not None:
            try:
                return self.config.table(name, kind)
            except ConfigError:
                pass
        return default if default is not None else kind()

    @property
    def raw(self) -> Mapping[str, Any]:
        return self.config.raw if self.config else {}

    def raw_table(self, name: str) -> Mapping[str, Any]:
        found = self.raw.get(name, {})
        return found if isinstance(found, dict) else {}

    @property
    def is_sensor(self) -> bool:
        from api.node.programs import is_sensor

        return is_sensor(self.data)

    @property
    def where(self) -> str:
        return "sensor" if self.is_sensor else "node"

    @property
    def supervisor(self) -> dict[str, Any]:
        import json

        try:
            body = json.loads((self.data / "run" / "supervisor.json").read_bytes()[: 1 << 20])
        except (OSError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}

    def alive(self, name: str) -> bool:
        """Whether the process that reports under this name is there, and reports."""
        report = self.reports.get(name, {})
        return is_alive(report.get("pid"))

    def started(self) -> bool:
        """Whether anything of this node runs at all."""
        return is_alive(self.supervisor.get("pid")) or any(self.alive(name) for name in self.reports)

    # --- commands to paste ----------------------------------------------------------------------------------------

    def luytre(self, words: str) -> str:
        """`luytre <words>` for this very installation and configuration."""
        program = Path(sys.executable).parent / "luytre"
        name = str(program) if program.exists() else f"{shlex.quote(sys.executable)} -m api.node.cli"
        return f"{name} {words} --config {shlex.quote(str(self.path))}"

    def restart(self) -> str:
        """What starts the node anew after a change."""
        if (self.root / "run/systemd/system").is_dir() and (self.root / "etc/systemd/system/luytre.target").exists():
            return "sudo systemctl restart luytre.target"
        supervisor = self.supervisor.get("pid")
        up = self.luytre("up")
        return f"kill -TERM {supervisor}; {up}" if is_alive(supervisor) else up

    def ask(self, words: Sequence[str]) -> str | None:
        """What a command of this machine says; None when it is not here or fails."""
        try:
            done = subprocess.run(words, capture_output=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL,
                                  env={**self.environ, "LC_ALL": "C"})  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    def text(self, path: str, limit: int = 1 << 20) -> str:
        """A file under `root`; "" when it cannot be read."""
        try:
            with (self.root / path.lstrip("/")).open("rb") as file:
                return file.read(limit).decode("utf-8", "replace")
        except OSError:
            return ""

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """The node's database to read from, and nothing else. Raises OSError or SQLAlchemyError."""
        from sqlalchemy import create_engine, event

        from api.config import ApiTable

        url = self.table("api", ApiTable).database
        path = Path(url) if url and "://" not in url else self.data / "state" / "luytre.db"
        if "://" not in url:
            if not path.exists():
                raise FileNotFoundError(path)
            url = f"sqlite:///file:{path}?mode=ro&uri=true"
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 2000"))
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


def is_alive(pid: Any) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return _state(pid) != "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "?"


def size(count: float) -> str:
    """Bytes as people read them: 6,3 GB → "6.3 GB" (a number's point is the same in both languages here)."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def span(seconds: float) -> Any:
    """A length of time in both languages."""
    from api.node.checks import Words

    for limit, unit, vi, en in ((120, 1, "giây", "s"), (7200, 60, "phút", "min"), (172_800, 3600, "giờ", "h")):
        if seconds < limit:
            return Words(f"{seconds / unit:.0f} {vi}", f"{seconds / unit:.0f} {en}")
    return Words(f"{seconds / 86400:.0f} ngày", f"{seconds / 86400:.0f} days")
