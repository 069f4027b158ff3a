"""LT-D1106: what the processes themselves called an error within the last hour, by their logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, note, ok, run
from api.node.checks._machine import Machine
from sensors.clock import parse_rfc3339

LOOK_S = 3600.0
LOOK_BYTES = 512 * 1024  # the newest of each file
SHOWN = 5


def look(machine: Machine) -> Iterator[Finding]:
    wrong = False
    for path in sorted((machine.data / "log").glob("*.log"))[:50]:
        count, last = _errors(path, machine.clock.now() - LOOK_S)
        for event, times in count.most_common(SHOWN):
            wrong = True
            yield note("errors-logged", f"{path.stem}: “{event}” {times} lần trong một giờ{last[event]}",
                       f"{path.stem}: “{event}” {times} times within an hour{last[event]}",
                       run(f"tail -n 20 {path}"), process=path.stem, event=event, times=times)  # fmt: skip
    if not wrong:
        yield ok("không lỗi nào trong một giờ qua", "no error within the last hour")


def _errors(path: Path, since: float) -> tuple[Counter[str], dict[str, str]]:
    """Lines of level "error" by what they say, and the kind of error of the last of each."""
    count: Counter[str] = Counter()
    last: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOOK_BYTES))
            lines = file.read(LOOK_BYTES).splitlines()
    except OSError:
        return count, last
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict) or said.get("level") != "error":
            continue
        if (parse_rfc3339(str(said.get("time", ""))) or 0.0) >= since:
            event = str(said.get("event", "?"))[:120]
            count[event] += 1
            last[event] = f" ({str(said['error'])[:80]})" if said.get("error") else ""
    return count, last


CHECK = Check(
    "LT-D1106", "machine", Words("Lỗi đã ghi", "Errors logged"),
    Words("Các lỗi mà tiến trình của Lũy Tre ghi vào nhật ký của chúng trong một giờ qua.",
          "Errors that Lũy Tre's processes wrote into their logs within the last hour."),
    look,
)  # fmt: skip
