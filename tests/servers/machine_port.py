"""A real machine port in a process of its own, for tests: real TLS, real SQLite, the node's real store.

`MachineServer(folder)` starts it and can kill -9 it; `python -m tests.servers.machine_port` is the child.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from api.audit import Audit
from api.auth.ca import Name
from api.config import ApiTable
from api.machine import MachinePort, machine_app
from api.runtime import Runtime
from api.state import machines as tables
from correlator.store import open_reader, open_writer
from sensors.clock import SystemClock
from sensors.config import Config, NodeTable
from sensors.daemon import logger
from tests.servers.database import open_database
from tests.servers.ports import free_port

assert tables
ROOT = Path(__file__).resolve().parents[2]
AGENCY = "so-tttt"
OBSERVER = "may-cam-bien-1"


def write_config(folder: Path, port: int, extra: str = "") -> Path:
    path = folder / "luytre.toml"
    path.write_text(
        f'[node]\ndata = "{folder / "data"}"\nagency = "{AGENCY}"\nobserver = "{OBSERVER}"\n'
        f'[api]\nmachines = "127.0.0.1:{port}"\n[ship]\nurl = "https://127.0.0.1:{port}"\nidle_s = 0.05\n{extra}',
        encoding="utf-8",
    )
    return path


def make_runtime(config: Config) -> Runtime:
    node = config.table("node", NodeTable)
    db = open_database(node.root / "state" / "luytre.db")
    clock = SystemClock()
    return Runtime(
        config=config, node=node, api=config.table("api", ApiTable), db=db, reader=open_reader(config),
        writer=open_writer(config), audit=Audit(node.root / "state" / "audit.head", clock.now),
        log=logger("machine-port"), clock=clock,
    )  # fmt: skip


def close_runtime(port: MachinePort) -> None:
    port.close()
    port.runtime.writer.close()
    port.runtime.reader.close()
    port.runtime.db.close()


class MachineServer:
    def __init__(self, folder: Path, extra: str = "") -> None:
        self.folder, self.port = folder, free_port()
        self.config = write_config(folder, self.port, extra)
        self.data = folder / "data"
        self.keys = self.data / "keys"
        self.url = f"https://127.0.0.1:{self.port}"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, wait_s: float = 20.0) -> MachineServer:
        with (self.folder / "port.log").open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.machine_port", str(self.config)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        ends = time.monotonic() + wait_s
        while time.monotonic() < ends:
            if self._child.poll() is not None:
                raise RuntimeError((self.folder / "port.log").read_text())
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("the machine port did not start")

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._child is not None:
            os.kill(self._child.pid, number)
            self._child.wait(20)
            for pipe in (self._child.stdin, self._child.stdout):
                assert pipe
                pipe.close()
            self._child = None

    def ask(self, *words: str) -> list[str]:
        """What a person does in the API process: ("token", name, role) → [token, CA fingerprint]; ("revoke", id)."""
        assert self._child
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps(words).encode() + b"\n")
        self._child.stdin.flush()
        answer: list[str] = json.loads(self._child.stdout.readline())
        return answer

    @property
    def rss_mb(self) -> float:
        assert self._child is not None
        pages = int(Path(f"/proc/{self._child.pid}/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _obey(port: MachinePort) -> None:
    for line in sys.stdin:
        command, *words = json.loads(line)
        answer: list[str] = []
        if command == "token":
            name, role = words
            answer = [port.machines.issue_token(Name(AGENCY, role, name), "test")[0], port.authority.fingerprint]
        elif command == "revoke":
            answer = [str(port.machines.revoke(words[0], "test"))]
        print(json.dumps(answer), flush=True)


def main() -> None:
    import uvicorn

    config = Config(Path(sys.argv[1]))
    runtime = make_runtime(config)
    port = machine_app(runtime)
    port.start()
    threading.Thread(target=_obey, args=(port,), daemon=True).start()
    host, _, number = runtime.api.machines.rpartition(":")
    uvicorn.Server(port.server(host, int(number), runtime.api.connections)).run()
    close_runtime(port)


if __name__ == "__main__":
    main()
