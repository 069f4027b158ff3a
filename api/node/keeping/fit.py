"""Whether this node is fit to be upgraded: what `luytre doctor` finds wrong with what an upgrade stands on, and whether
the bundle follows the release that runs.

In:  the configuration; the running version and the bundle's manifest. Out: what is against it, in (vi, en).
Only storage (disk, database, journal, index, data folder) and the configuration count: a link that is down or a sensor
that drops packets is no reason to keep a node on the release that may have caused it.
A bundle says the oldest release it upgrades (`from`): its migrations and rehearsals are tested from there, no further
back. Bundles made before that word came are judged by their schema alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sensors.config import Config
from sensors.errors import Hint, LuytreError, Problem

GROUPS, CODES = ("storage",), ("LT-D1101",)  # LT-D1101: the configuration
SHOWN = 5


def faults(config: Config) -> list[tuple[str, str]]:
    """What doctor calls bad, by its codes."""
    from api.node.checks._machine import Machine
    from api.node.doctor_run import chosen, examine

    checks, _ = chosen((*GROUPS, *CODES))
    report = examine(Machine(config.path), checks)
    return [
        (f"{line.check.code} {line.check.title.vi}: {line.finding.value.vi}",
         f"{line.check.code} {line.check.title.en}: {line.finding.value.en}")
        for line in report.lines
        if line.finding.verdict == "bad"
    ]  # fmt: skip


def refuse(config: Config) -> None:
    """LuytreError when doctor finds something bad that an upgrade stands on."""
    found = faults(config)[:SHOWN]
    if found:
        vi, en = ("; ".join(words) for words in zip(*found, strict=True))
        raise LuytreError(Problem(
            "LT-N0557", f"nút đang có lỗi, chưa nên nâng cấp: {vi}", f"this node is not well, mend it first: {en}",
            hints=("luytre doctor", "--accept-risk=doctor")))  # fmt: skip


def follows(running: str, about: Mapping[str, Any]) -> None:
    """LuytreError when the bundle does not upgrade a release as old as the one that runs."""
    oldest = str(about.get("from") or "")
    if oldest and _numbers(running) < _numbers(oldest):
        raise LuytreError(Problem(
            "LT-N0556", f"đang dùng {running}; gói này chỉ nâng cấp từ {oldest} trở lên",
            f"{running} runs; this bundle upgrades {oldest} and newer only",
            hints=(Hint(f"nâng cấp lên một bản {oldest} trước", f"upgrade to a release {oldest} first"),)))  # fmt: skip


def _numbers(version: str) -> tuple[int, ...]:
    """Of a release's name, "0.12.1rc1" → (0, 12, 1): what comes before a release counts as that release."""
    found = tuple(int(part) for part in re.findall(r"\d{1,6}", re.match(r"[\d.]*", version)[0]))  # type: ignore[index]
    return (*found, 0, 0, 0)[:3]
