"""Goldens: a case is a folder with its input, its purpose and provenance, and what `replay` and `scan` say of it.

To change behaviour on purpose: `pytest tests/golden --accept`, then read the difference in git.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
# Of the run, not of the input: ids come from where a file lies.
VOLATILE = ("event.created", "event.id", "luytre.alert.event_ids", "log.file.device_id", "log.file.inode")
WRITTEN_AT = 1793500000  # a line without a time of its own gets its file's


def say(module: str, *words: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", module, *words], capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def settled(line: dict[str, object], source: Path) -> str:
    """One line of output without what differs from run to run."""
    text = json.dumps(_without(line, ""), ensure_ascii=False, sort_keys=True)
    return text.replace(str(source), source.name)


def _without(value: object, path: str) -> object:
    if not isinstance(value, dict):
        return value
    paths = {key: f"{path}.{key}" if path else key for key in value}
    return {key: _without(value[key], paths[key]) for key in value if paths[key] not in VOLATILE}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize(("expected", "module", "command"), [
    ("events.ndjson", "sensors.cli", "replay"),
    ("alerts.ndjson", "correlator.cli", "scan"),
])  # fmt: skip
def test_case(
    case: Path, expected: str, module: str, command: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert (case / "purpose.txt").read_text("utf-8").strip(), "a case says what it is for and where it comes from"
    source = _input(case, tmp_path)
    lines = [settled(line, source) for line in say(module, command, str(source))]
    path = case / expected
    if request.config.getoption("--accept", default=False):
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    assert lines == path.read_text("utf-8").splitlines()


def _input(case: Path, folder: Path) -> Path:
    conversations = case / "conversations.ndjson"
    if not conversations.exists():
        log = next(path for path in case.iterdir() if path.suffix == ".log")
        copy = shutil.copy(log, folder / log.name)
        os.utime(copy, (WRITTEN_AT, WRITTEN_AT))
        return Path(copy)
    capture = folder / "capture.pcap"
    with conversations.open("rb") as given:
        subprocess.run([sys.executable, "-m", "sensors.packets.craft", str(capture)], stdin=given, check=True,
                       capture_output=True, timeout=60)  # fmt: skip
    return capture
