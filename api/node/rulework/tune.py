"""`luytre rules tune ID`: switch a rule off, or give it another level, at this agency, with a reason, an owner, an end.

In:  a rule's id or name and what is to change. Out: its table in `<data>/rules/tuning.toml` (correlator/tuning.py); all
other tables and comments stay as they stand. A running correlator takes it up within seconds.
Exit 0 when it is in force, 1 when the entry or the file is wrong: then nothing is written.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import time
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from api.node.rulework.places import At, known, needed, no_rule, say
from correlator import tuning
from correlator.config import pipeline_paths, rule_paths
from correlator.engine import Engine
from sensors.config import Config
from sensors.errors import Hint, LuytreError, Place, Problem

LEVELS = ("informational", "low", "medium", "high", "critical")


def command(
    rule: Annotated[str, typer.Argument(help="mã hoặc tên luật / id or name")],
    off: Annotated[bool, typer.Option("--off", help="tắt luật / switch it off")] = False,
    level: Annotated[str, typer.Option(help=" | ".join(LEVELS))] = "",
    reason: Annotated[str, typer.Option(help="vì sao / why")] = "",
    owner: Annotated[str, typer.Option(help="ai chịu trách nhiệm / who answers for it")] = "",
    until: Annotated[str, typer.Option(help="ngày cuối, 2027-01-31, trong vòng một năm")] = "",
    as_shipped: Annotated[bool, typer.Option("--as-shipped", help="bỏ mọi điều chỉnh / take it out")] = False,
    config: At = None,
) -> None:
    """Điều chỉnh một luật ở đơn vị này: tắt hoặc đổi mức, có lý do, người chịu trách nhiệm, ngày hết hạn."""
    loaded = needed(config)
    path = tuning.tuning_path(loaded)
    text = _text(path)
    rule_id = _known(rule, loaded, text, gone=as_shipped)
    if as_shipped:
        _write(path, replaced(text, rule_id, ""))
        print(say(f"{rule_id}: như bản gốc", f"{rule_id}: as shipped"))
        return
    lines = [f"[{_quoted(rule_id)}]"]
    lines += ["enabled = false"] if off else []
    lines += [f"level = {_quoted(level)}"] if level else []
    lines += [
        f"reason = {_quoted(reason)}",
        f"owner = {_quoted(owner)}",
        *([f"until = {_day(until)}"] if until else []),
    ]
    block = "\n".join(lines) + "\n"
    try:
        tuning.entry_of(tomllib.loads(block)[rule_id], time.time())
    except ValueError as wrong:
        raise LuytreError(Problem(
            "LT-R0402", f"điều chỉnh không hợp lệ: {wrong}", f"not a valid tuning: {wrong}", Place(str(path)),
            (Hint("cần: --off hoặc --level, --reason, --owner, --until trong vòng một năm",
                  "needed: --off or --level, --reason, --owner, --until within a year"),),
        )) from None  # fmt: skip
    _write(path, replaced(text, rule_id, block))
    done = say("tắt", "off") if off else level
    print(say(f"{rule_id}: {done} đến hết {until}; có hiệu lực trong vài giây",
              f"{rule_id}: {done} until {until}; in force within seconds"))  # fmt: skip


def replaced(text: str, rule_id: str, block: str) -> str:
    """The file with that table instead of the one it has; everything else as it stands."""
    lines = tuning.lines_of(text)
    if rule_id not in lines:
        return text + ("\n" if text and not text.endswith("\n\n") else "") + block if block else text
    rows = text.splitlines(keepends=True)
    first = lines[rule_id] - 1
    last = next((at for at in range(first + 1, len(rows)) if rows[at].lstrip().startswith("[")), len(rows))
    while last > first + 1 and (not rows[last - 1].strip() or rows[last - 1].lstrip().startswith("#")):
        last -= 1  # what stands before the next table belongs to that
    return "".join(rows[:first]) + block + "".join(rows[last:])


def _known(word: str, config: Config, text: str, *, gone: bool) -> str:
    if gone and word in tuning.lines_of(text):  # a rule that is no longer there can still be taken out
        return word
    engine = Engine.load(rule_paths(config), pipeline_paths(config), cache=known(config))
    every = {one.id: one.about.name for one in engine.rules} | {one.id: one.about.name for one in engine.correlations}
    found = [rule_id for rule_id, name in every.items() if word in (rule_id, name)]
    if not found:
        raise no_rule(word, [name for pair in every.items() for name in pair if name])
    return found[0]


def _text(path: Path) -> str:
    found = tuning.read(path, 0.0)
    broken = next((fault for fault in found.faults if fault.code == "LT-R0401"), None)
    if broken is not None:
        raise LuytreError(Problem("LT-R0401", f"{path.name} hỏng: {broken.reason}", f"{path.name}: {broken.reason}",
                                  Place(str(path), broken.line)))  # fmt: skip
    return path.read_text("utf-8-sig") if path.exists() else ""


def _write(path: Path, text: str) -> None:
    """Whole or not at all; readable by the correlator's user."""
    tomllib.loads(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, DEL apart."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _day(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return _quoted(text)
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        return _quoted(text)
