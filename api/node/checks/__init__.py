"""What `luytre doctor` looks at: a file per check, found by the registry; adding a check is adding a file.

A file exports `CHECK = Check(code, group, title, about, look)`. `look(machine)` yields findings, each with a verdict,
the measured value in words and as data, the cause as one English word, and for what is wrong the acts that mend it.
A check only reads: it changes nothing, asks no host that the configuration does not name, and ends by its own bounds.
Codes: LT-D<group><number>, never used twice; what was once given out keeps its meaning.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sensors.registry import find

if TYPE_CHECKING:
    from api.node.checks._machine import Machine

Verdict = Literal["ok", "note", "bad", "skipped"]
Where = Literal["node", "sensor"]


class Words(NamedTuple):
    """The same in both languages."""

    vi: str
    en: str

    def of(self, language: str) -> str:
        return self.en if language == "en" else self.vi


# In the order in which they are shown: what others depend on comes first.
GROUPS: dict[str, Words] = {
    "machine": Words("Máy", "Machine"),
    "time": Words("Giờ", "Time"),
    "network": Words("Mạng", "Network"),
    "storage": Words("Lưu trữ", "Storage"),
    "certificates": Words("Chứng thư", "Certificates"),
    "link": Words("Kết nối trung tâm", "Link to the centre"),
    "capture": Words("Bắt gói", "Capture"),
    "sources": Words("Nguồn dữ liệu", "Data sources"),
    "rules": Words("Luật", "Rules"),
    "versions": Words("Phiên bản", "Versions"),
    "backup": Words("Sao lưu", "Backup"),
}


@dataclass(frozen=True, slots=True)
class Fix:
    """One act: in words, or a command that can be pasted."""

    vi: str = ""
    en: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    cause: str  # one stable English word or a few joined by "-"; "" when nothing is wrong
    value: Words
    measured: Mapping[str, Any] = field(default_factory=dict)
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    code: str
    group: str
    title: Words
    about: Words  # what is measured and why it matters: its page in the catalogue
    look: Callable[[Machine], Iterable[Finding]]
    where: frozenset[Where] = frozenset(("node", "sensor"))
    cheap: bool = True  # False: seconds of work or a network; left out where a screen asks


def ok(vi: str, en: str, **measured: Any) -> Finding:
    return Finding("ok", "", Words(vi, en), measured)


def note(cause: str, vi: str, en: str, *fixes: Fix, **measured: Any) -> Finding:
    return Finding("note", cause, Words(vi, en), measured, fixes)


def bad(cause: str, vi: str, en: str, *fixes: Fix, **measured: Any) -> Finding:
    return Finding("bad", cause, Words(vi, en), measured, fixes)


def skipped(cause: str, vi: str, en: str) -> Finding:
    return Finding("skipped", cause, Words(vi, en))


def do(vi: str, en: str) -> Fix:
    return Fix(vi, en)


def run(command: str) -> Fix:
    return Fix(command=command)


def all_checks() -> list[Check]:
    """In the order of groups, then of codes."""
    order = list(GROUPS)
    checks = find(sys.modules[__name__], "CHECK", Check).values()
    return sorted(checks, key=lambda check: (order.index(check.group), check.code))
