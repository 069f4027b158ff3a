"""`./soc bench [--quick] [NAME…]`: the figures that README claims, measured on this machine.

Each `bench_<name>.py` in this folder has `NAME` and `run(quick) -> dict`; it runs in a process of its own, so that
one's memory is not another's. Out: what machine this is, a table, then one line of JSON for the machine and one per
bench; what benches print goes to stderr. Exit 1 when a bench failed; the others still run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
LIMIT_S = 1800.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./soc bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names())}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="smaller inputs: seconds, rougher figures")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # the child's answer
    asked = parser.parse_args(argv)
    if unknown := set(asked.names) - set(names()):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    if asked.into:
        return _child(asked.names[0], asked.quick, asked.into)
    here = machine()
    for key, value in here.items():
        print(f"{key:<12} {value}")
    results = [(name, *_measure(name, asked.quick)) for name in asked.names or names()]
    for name, found, seconds in results:
        print(f"\n{name}  ({seconds:.0f} s)")
        for key, value in flat(found):
            print(f"  {key:<44} {value}")
    print()
    print(json.dumps({"machine": here, "quick": asked.quick}, ensure_ascii=False))
    for name, found, _ in results:
        print(json.dumps({"name": name} | found, ensure_ascii=False))
    return int(any("error" in found for _, found, _ in results))


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def machine() -> dict[str, Any]:
    """What the figures were measured on; without names of the machine or its people."""
    found = {"processor": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0))}
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            found["processor"] = line.partition(":")[2].strip()
            break
    memory = next(line for line in Path("/proc/meminfo").read_text("ascii").splitlines() if line.startswith("MemTotal"))
    found["memory_mb"] = int(memory.split()[1]) // 1024
    found["load"] = round(os.getloadavg()[0], 1)  # of others, before we start
    found["python"] = platform.python_version()
    found["commit"] = _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else "")
    return found


def flat(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key} · ")
        else:
            yield prefix + key, f"{value:,}" if isinstance(value, int | float) else str(value)


def _measure(name: str, quick: bool) -> tuple[dict[str, Any], float]:
    """The bench in a child; what it prints goes to stderr."""
    print(f" · {name} …", file=sys.stderr, flush=True)
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [sys.executable, "-m", "tests.bench", name, "--into", str(answer), *(["--quick"] if quick else [])]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        try:
            subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=LIMIT_S, env=env,
                           check=True)  # fmt: skip
            found: dict[str, Any] = json.loads(answer.read_text("utf-8"))
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            found = {"error": str(error)}
    return found, time.perf_counter() - begin


def _child(name: str, quick: bool, into: Path) -> int:
    try:
        found = dict(importlib.import_module(f"tests.bench.bench_{name}").run(quick))
    except Exception as error:
        traceback.print_exc()
        found = {"error": f"{type(error).__name__}: {error}"}
    into.write_text(json.dumps(found), encoding="utf-8")
    return 0


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
