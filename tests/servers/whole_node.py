"""A whole node as `luytre up` starts it, in a folder: API, index, correlator, log, probe, packet (captures) and ship.

`UpNode(folder)` writes a configuration and input; `start()` is the command itself in a child process and returns when
`/readyz` says so. `processes()` are the pids by name, from what the supervisor writes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from api.node.init import default_tables, toml
from tests.servers.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120.0
_LUYTRE = "from api.node.cli import main; main()"  # what the console script says
_LINE = "Nov 22 01:02:{:02d} may1 sshd[{}]: Failed password for root from 198.51.100.{} port 4022 ssh2\n"


class _Portal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class UpNode:
    def __init__(self, folder: Path, **tables: dict[str, Any]) -> None:
        """`tables`: further or other tables of `luytre.toml`."""
        self.data = folder / "data"
        self.input = folder / "input"
        self.captures = self.input / "captures"
        self._printed, self._said = folder / "up.out", folder / "up.err"
        self.captures.mkdir(parents=True)
        self.people, self.machines = free_port(), free_port()
        self._portal = ThreadingHTTPServer(("127.0.0.1", 0), _Portal)
        threading.Thread(target=self._portal.serve_forever, daemon=True).start()
        service = {"id": "cong", "kind": "http", "target": f"http://127.0.0.1:{self._portal.server_port}/",
                   "every_s": 60.0}  # fmt: skip
        self.config = self.data / "luytre.toml"
        self.data.mkdir(parents=True)
        self.config.write_text(
            toml(default_tables(self.data, "don-vi", "Đơn vị", "agency") | {
                "api": {"people": f"127.0.0.1:{self.people}", "machines": f"127.0.0.1:{self.machines}"},
                "log": {"files": [{"path": str(self.input / "auth.log")}]},
                "packet": {"pcap_folder": str(self.captures)},
                "probe": {"services": [service]},
                "ship": {"url": f"https://127.0.0.1:{self.machines}"},
            } | tables),
            encoding="utf-8",
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """The command, without waiting for what it starts."""
        with self._printed.open("wb") as printed, self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LUYTRE, "up", "--config", str(self.config)], cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=printed, stderr=said,
            )  # fmt: skip

    def ready(self) -> bool:
        """Whether `/readyz` says so; raises RuntimeError when the command has ended."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(self._said.read_text("utf-8", "replace")[-2000:])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.people}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def start(self) -> None:
        self.launch()
        end = time.monotonic() + LIMIT_S
        while not self.ready():
            if time.monotonic() > end:
                raise RuntimeError(f"no /readyz within {LIMIT_S:.0f} s")
            time.sleep(0.05)

    def greeted(self) -> bool:
        """The command has printed all that it prints."""
        return "luytre-sensor selftest" in self._printed.read_text("utf-8")

    def stop(self) -> tuple[str, str]:
        """Ctrl-C, then wait: what the command printed and said on stderr. The node can be started again."""
        if self._process is None:
            return "", ""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._process = None
        return self._printed.read_text("utf-8"), self._said.read_text("utf-8", "replace")

    def close(self) -> None:
        self.stop()
        self._portal.shutdown()
        self._portal.server_close()

    def feed(self, lines: int = 200) -> None:
        """Something for each sensor to read, so that what it loads at its first event is loaded."""
        with (self.input / "auth.log").open("a", encoding="utf-8") as file:
            file.writelines(_LINE.format(n % 60, 1000 + n, n % 250 + 1) for n in range(lines))
        spec = {"kind": "dns", "at": time.time(), "src": "10.1.2.3", "sport": 40001, "dst": "10.1.2.53",
                "name": "vi-du.gov.vn", "answers": ["203.0.113.7"]}  # fmt: skip
        subprocess.run([sys.executable, "-m", "sensors.packets.craft", str(self.captures / "1.pcap")], cwd=ROOT,
                       input=json.dumps(spec).encode(), check=True, capture_output=True)  # fmt: skip

    def processes(self) -> dict[str, int]:
        assert self._process is not None
        children = self._json("supervisor").get("children", {})
        return {"luytre up": self._process.pid, **{name: child["pid"] for name, child in children.items()}}

    def health(self, name: str) -> dict[str, Any]:
        """What a process says of itself in `run/<name>.json`."""
        return self._json(name)

    def rss_mb(self) -> dict[str, float]:
        """Resident memory of each process; what several share counts for each."""
        return {name: kilobytes(pid, "VmRSS") / 1024 for name, pid in self.processes().items()}

    def pss_mb(self) -> float:
        """Memory of all processes, with what they share counted once."""
        total = 0
        for pid in self.processes().values():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total / 1024

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each process so far, with that of children that have ended."""
        tick = os.sysconf("SC_CLK_TCK")
        found = {}
        for name, pid in self.processes().items():
            words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            found[name] = sum(map(int, words[11:15])) / tick
        return found

    def _json(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.data / "run" / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found


def kilobytes(pid: int, key: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(key + ":"))
