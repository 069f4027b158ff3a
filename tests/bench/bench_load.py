"""How long `luytre-correlator run` takes from nothing to its first page, with all of SigmaHQ's rules.

In:  a node's data folder without events, SigmaHQ's rules and ours (ours alone without the third-party data). Out:
seconds of processor time and by the clock until the health file says that the rules run: with nothing kept of them
(`cold`), with the compiled rules on disk (`warm`), after one rule was changed, and after a library or the program was
(`stale`: what is there is of no use). Interpreter and imports are in it: `imports` is their share.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from correlator.config import shared
from tests.bench.bench_engine import sigma

NAME = "load"
ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120.0
_RUN = "import sys; from correlator.cli import main; sys.exit(main(['run', '--config', sys.argv[1]]))"
_TICK = os.sysconf("SC_CLK_TCK")


def run(quick: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, kept = folder / "data", folder / "data" / "cache" / "rules"
        (data / "rules").mkdir(parents=True)
        rules = [str(path) for path in (sigma(folder), shared("rules")) if path is not None]
        changed = data / "rules" / "changed.yml"
        changed.write_text(_RULE)
        config = folder / "luytre.toml"
        config.write_text(
            f'[node]\ndata = "{data}"\nagency = "a"\n[store]\nkind = "embedded"\n'
            f"[correlator]\nrules = {json.dumps([*rules, str(changed)])}\n"
        )
        times = 1 if quick else 3
        cold = [_cold(config, data, kept) for _ in range(times)]
        warm = [_start(config, data) for _ in range(times)]
        size = kept.stat().st_size
        changed.write_text(_RULE.replace("one", "two"))
        one = _start(config, data)
        kept.write_bytes(kept.read_bytes()[:8] + bytes(64) + kept.read_bytes()[72:])
        stale = _start(config, data)
        return {"rules": cold[0].pop("rules"), "cold": _best(cold), "warm": _best(warm), "one changed": _best([one]),
                "stale": _best([stale]), "imports cpu_s": _imports(), "cache bytes": size}  # fmt: skip


_RULE = """title: One rule that changes
id: 0f111111-2222-4333-8444-555555555555
logsource: {product: luytre, service: bench}
detection: {sel: {a: one}, condition: sel}
"""


def _cold(config: Path, data: Path, kept: Path) -> dict[str, Any]:
    kept.unlink(missing_ok=True)
    return _start(config, data)


def _start(config: Path, data: Path) -> dict[str, Any]:
    health = data / "run" / "correlator.json"
    health.unlink(missing_ok=True)
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", _RUN, str(config)], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # fmt: skip
        try:
            while time.perf_counter() - begin < LIMIT_S and process.poll() is None:
                told = _told(health)
                if told.get("rules"):
                    taken, fields = time.perf_counter() - begin, _stat(process.pid)
                    return {"rules": len(told["rules"]), "cpu_s": round((int(fields[13]) + int(fields[14])) / _TICK, 2),
                            "wall_s": round(taken, 2), "rss_mb": _rss_mb(process.pid)}  # fmt: skip
                time.sleep(0.005)
            raise RuntimeError(f"the correlator did not start: {process.poll()}")
        finally:
            process.send_signal(signal.SIGTERM)


def _told(health: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(health.read_bytes())
    except (OSError, ValueError):
        return {}
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text("ascii").split()


def _rss_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def _best(found: list[dict[str, Any]]) -> dict[str, Any]:
    best = min(found, key=lambda one: float(one["cpu_s"]))
    return {key: value for key, value in best.items() if key != "rules"}


def _imports() -> float:
    program = "import time, correlator.cli, correlator.run, sensors.daemon; print(time.process_time())"
    words = [sys.executable, "-c", program]
    return round(min(float(subprocess.check_output(words, cwd=ROOT)) for _ in range(2)), 2)
