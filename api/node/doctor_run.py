"""Runs the checks of `luytre doctor` and makes of them what people and programs read.

In:  a Machine, which checks (codes or groups; none: all). Out: a `Report`, as JSON of schema SCHEMA or as lines (B3).
A check that fails is itself a finding: what it could not look at is said, nothing is shown of the inside.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.node.checks import GROUPS, Check, Finding, Words, all_checks, note
from api.node.checks._machine import Machine
from api.runtime import VERSION
from sensors.clock import rfc3339
from sensors.errors import EXIT_DEGRADED, EXIT_FAILED, EXIT_OK, guess

SCHEMA = 1
MARKS = {"ok": "✔", "note": "▲", "bad": "✖", "skipped": "·"}
PLAIN = {"ok": "+", "note": "!", "bad": "x", "skipped": "-"}
COLOURS = {"ok": "32", "note": "33", "bad": "31", "skipped": "2"}


@dataclass(frozen=True, slots=True)
class Line:
    check: Check
    finding: Finding


@dataclass(frozen=True, slots=True)
class Report:
    at: float
    where: str
    name: str
    lines: tuple[Line, ...]
    counts: dict[str, int] = field(default_factory=dict)

    def exit_code(self, *, strict: bool = False) -> int:
        if self.counts["bad"]:
            return EXIT_FAILED
        return EXIT_DEGRADED if strict and self.counts["note"] else EXIT_OK

    def json(self) -> dict[str, Any]:
        """Stable: keys are added, never renamed or removed within a schema version."""
        return {
            "schema_version": SCHEMA, "version": VERSION, "at": rfc3339(self.at), "where": self.where,
            "name": self.name, "counts": self.counts,
            "checks": [
                {
                    "code": line.check.code, "group": line.check.group, "title": line.check.title._asdict(),
                    "verdict": line.finding.verdict, "cause": line.finding.cause,
                    "value": line.finding.value._asdict(), "measured": dict(line.finding.measured),
                    "fixes": [{"vi": fix.vi, "en": fix.en, "command": fix.command} for fix in line.finding.fixes],
                }
                for line in self.lines
            ],
        }  # fmt: skip


def chosen(only: Collection[str]) -> tuple[list[Check], str | None]:
    """The checks that are meant by codes and groups; and the first word that means none."""
    checks = all_checks()
    if not only:
        return checks, None
    known = {check.code for check in checks} | set(GROUPS)
    unknown = next((word for word in only if word not in known), None)
    if unknown is not None:
        return [], f"{unknown}" + (f" → {meant}?" if (meant := guess(unknown, known)) else "")
    return [check for check in checks if check.code in only or check.group in only], None


def examine(machine: Machine, checks: Collection[Check], tell: Callable[[Check], object] = lambda _: None) -> Report:
    """Run what applies to this kind of machine, in order."""
    lines: list[Line] = []
    for check in checks:
        if machine.where not in check.where:
            continue
        tell(check)
        lines += [Line(check, finding) for finding in _look(check, machine)]
    counts = {verdict: sum(line.finding.verdict == verdict for line in lines) for verdict in MARKS}
    return Report(machine.clock.now(), machine.where, machine.node.name or machine.node.agency, tuple(lines), counts)


def _look(check: Check, machine: Machine) -> Iterator[Finding]:
    try:
        yield from check.look(machine)
    except Exception as error:  # one check that breaks must not hide the others
        name = type(error).__name__
        yield note("check-failed", f"không kiểm tra được ({name})", f"could not be checked ({name})", error=name)


def show(report: Report, language: str, *, width: int = 100, colour: bool = False, plain: bool = False,
         all_lines: bool = True) -> str:  # fmt: skip
    """As people read it: a line per finding in groups, the acts under what is wrong, a sum at the end."""
    vi = language != "en"
    marks = PLAIN if plain else MARKS
    when = datetime.fromtimestamp(report.at).astimezone()
    zone = when.strftime("%z")
    stamp = f"{when:%d/%m/%Y %H:%M:%S}" if vi else f"{when:%Y-%m-%d %H:%M:%S}"
    kind = {"node": Words("nút", "node"), "sensor": Words("cảm biến", "sensor")}[report.where].of(language)
    out = [f"Lũy Tre {VERSION} · {kind} {report.name} · {stamp} {zone[:3]}:{zone[3:]}"]
    column = max((_columns(GROUPS[line.check.group].of(language)) for line in report.lines), default=0) + 2
    room = max(20, width - column - 14)
    for line in report.lines:
        finding = line.finding
        if finding.verdict == "skipped" and not all_lines:
            continue
        mark = marks[finding.verdict]
        if colour:
            mark = f"\x1b[{COLOURS[finding.verdict]}m{mark}\x1b[0m"
        group = GROUPS[line.check.group].of(language)
        words = textwrap.wrap(f"{line.check.title.of(language)}: {_safe(finding.value.of(language))}", room) or [""]
        head = f" {mark} {group}{' ' * (column - _columns(group))}"
        out.append(f"{head}{words[0]}{' ' * max(1, room - _columns(words[0]))} {line.check.code}")
        indent = " " * (column + 3)
        out += [indent + more for more in words[1:]]
        for fix in finding.fixes:
            arrow = "->" if plain else "→"
            if fix.command:
                out.append(f"{indent}{arrow} {'Thử:' if vi else 'Try:'}  {_safe(fix.command)}")
            else:
                said = textwrap.wrap(_safe(fix.vi if vi else fix.en), max(20, width - len(indent) - 3))
                out += [f"{indent}{arrow if not at else ' ' * len(arrow)} {text}" for at, text in enumerate(said)]
    names = {
        "ok": ("đạt", "passed"),
        "note": ("lưu ý", "notes"),
        "bad": ("lỗi", "bad"),
        "skipped": ("bỏ qua", "skipped"),
    }
    total = " · ".join(f"{report.counts[key]} {words[0 if vi else 1]}" for key, words in names.items() if
                       report.counts[key] or key in ("ok", "bad"))  # fmt: skip
    code = report.exit_code()
    out.append(f"{total}{' ' * 4}{'mã thoát' if vi else 'exit code'} {code}")
    return "\n".join(out)


def _columns(text: str) -> int:
    return len(unicodedata.normalize("NFC", text))


def _safe(text: str) -> str:
    """What a file name or a peer says cannot drive the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)
