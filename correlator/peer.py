"""RSigma (crates.io `rsigma`, Rust) beside `luytre-correlator bench`: the same events, in the form that it reads.

In:  rule files, events as JSON lines, the sources of our own pipeline files. Out: what it did: events, events a second
     of processor time net of loading, matches, memory; "" for each event that it has no form for.
Bound: one event at a time here; its process has `TIMEOUT_S`. It runs only when asked for and found on PATH.

The flat form: EventID, Channel, Provider_Name, Computer, the event data under its own names, names that a source maps
(Image for NewProcessName), and `product`, `service`, `category`: the first source that gives each. RSigma takes one
category an event; ours may have several (Sysmon 13 is registry_set and registry_event): that is the one thing this
form cannot say. It is of Windows events, and made before the measuring: finding log source and fields is counted in
our time and not in its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from correlator.engine import sources as routing
from correlator.engine.conditions import MISSING
from correlator.engine.load import files
from sensors.event import Event, decode

TIMEOUT_S = 1200.0
_LOOK_S = 0.01  # at its memory, which only grows
EVENT_ID = "luytre_id"  # how the peer's matches are told apart
_PREFIXES = ("winlog.event_data.", "winlog.user_data.")


class Flattener:
    def __init__(self, pipelines: Sequence[Path]) -> None:
        self._sources = routing.Sources(routing.load(routing.read(pipelines)))

    def __call__(self, event: Event) -> dict[str, Any]:
        flattened = routing.flat(event)
        # A source without `when` is the dataset's own name, which is ours and no log source of a public rule.
        sources = [one for one in self._sources.of(flattened) if one.when and one.logsource.product == "windows"]
        found: dict[str, Any] = {EVENT_ID: flattened.get("event.id")}
        for path, value in flattened.items():
            for prefix in _PREFIXES:
                if path.startswith(prefix):
                    found[path[len(prefix):]] = value  # fmt: skip
        for source in sources:
            for name, paths in source.fields.items():
                if name not in found and (path := next((one for one in paths if one in flattened), "")):
                    found[name] = flattened[path]
            for name, made in source.combined.items():
                value = made.of([flattened.get(path, MISSING) for path in made.paths])
                if name not in found and value is not MISSING:
                    found[name] = value
            for name, table in source.values.items():
                if isinstance(said := found.get(name), str):
                    found[name] = table.get(said, said)
        for part in ("product", "service", "category"):
            found.pop(part, None)
            if tag := next((tag for one in sources if (tag := getattr(one.logsource, part))), None):
                found[part] = tag
        return found


def rsigma() -> str | None:
    beside = Path.home() / ".cargo" / "bin" / "rsigma"
    return shutil.which("rsigma") or (str(beside) if beside.is_file() else None)


def version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=30)
    return (done.stdout.decode("utf-8", "replace").splitlines() or [""])[0]


def words(program: str, rules: Path, events: Path, out: Path, *more: str) -> list[str]:
    return [program, "engine", "eval", "-r", str(rules), "-e", f"@{events}", "-o", str(out), "--output-format",
            "ndjson", "--input-format", "json", "--logsource-routing", "--quiet", *more]  # fmt: skip


def weighed(command: Sequence[str], env: dict[str, str] | None = None, folder: Path | None = None) -> tuple[float, int]:
    """Processor seconds and most memory (MB) of one process. Raises RuntimeError with its words when it fails."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=said) as child,
    ):  # fmt: skip
        begin, most_mb, pid = time.monotonic(), 0, 0
        while not pid:
            most_mb = max(most_mb, peak_mb(child.pid))
            time.sleep(_LOOK_S)
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if not pid and time.monotonic() - begin > TIMEOUT_S:
                os.kill(child.pid, signal.SIGKILL)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            words = said.read()[-500:].decode("utf-8", "replace")
            raise RuntimeError(f"{command[0]}: {child.returncode}: {words}")
    return used.ru_utime + used.ru_stime, most_mb


def peak_mb(pid: int) -> int:
    """The most memory of a running process. Not `ru_maxrss`: that begins with what its parent had when it forked."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def count(path: Path) -> int:
    """Lines of a file."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found += block.count(b"\n")
    return found


def beside(program: str, rules: Sequence[Path], pipelines: Sequence[Path], lines: Iterable[bytes]) -> dict[str, Any]:
    """What RSigma does with these events, on the core that this process is on."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules").mkdir()
        for number, path in enumerate(files(rules)):
            shutil.copy(path, folder / "rules" / f"{number:05}.yml")
        flat, one, out = folder / "flat.jsonl", folder / "one.jsonl", folder / "out.ndjson"
        given = _write(flat, Flattener(pipelines), lines)
        if not given:
            return {"version": version(program), "events": 0}
        with flat.open("rb") as file:
            one.write_bytes(file.readline())
        load_s = min(weighed(words(program, folder / "rules", one, out))[0] for _ in range(2))
        cpu_s, rss_mb = weighed(words(program, folder / "rules", flat, out))
        spent = max(cpu_s - load_s, 1e-6)
        return {"version": version(program), "events": given, "matches": count(out), "cpu_s": round(spent, 3),
                "events_per_s": round(given / spent), "load_s": round(load_s, 3), "rss_mb": rss_mb}  # fmt: skip


def _write(path: Path, flatten: Flattener, lines: Iterable[bytes]) -> int:
    given = 0
    with path.open("wb") as file:
        for line in lines:
            try:
                made = flatten(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if "product" in made:
                file.write(msgspec.json.encode(made) + b"\n")
                given += 1
    return given
