"""What is doubtful about a rule, one function a lint: no store, no network, no other program.

In:  a rule as loaded, its document, where it comes from. Out: `Finding`s.
`error`: must be mended before it is shipped; `warning`: a person should look; a rule of others (imported) is never in
error, its makers decide.
Source: Sigma specification 2.1.0; Sigma filters specification (the filter trap: correlator/engine/filters.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from correlator.engine import Correlation, Rule, filters
from correlator.engine import conditions as c
from correlator.engine import values as v
from correlator.engine.documents import Document, documents

Origin = Literal["shipped", "own", "imported"]
Severity = Literal["error", "warning", "note"]
LEFT = "…"
SHORT_CHARS = 3  # what a value between wildcards must be longer than, to say anything
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """LT-R0501 filter trap, LT-R0502 wildcards alone, LT-R0503 tests, LT-R0504 Vietnamese, LT-R0505 a field that never
    occurs, LT-R0506 a technique that ATT&CK does not have, LT-R0507 no source of its log source, LT-R0508 something is
    left to be filled in."""

    code: str
    severity: Severity
    path: str
    line: int
    rule_id: str
    vi: str
    en: str


def of_rule(rule: Rule | Correlation, origin: Origin) -> Iterator[Finding]:
    about = rule.about

    def found(code: str, severity: Severity, vi: str, en: str) -> Finding:
        return Finding(code, severity, about.path, about.line, about.id, vi, en)

    if not rule.silent:  # what only correlations read is tested and told through them
        kinds = {bool(test.get("hit")) for test in about.tests if isinstance(test, Mapping)}
        lacking = {True: ("ca khớp", "a hit"), False: ("ca suýt khớp", "a near miss")}
        words = [words for kind, words in lacking.items() if kind not in kinds]
        if words and origin != "imported":
            yield found("LT-R0503", "error" if origin == "shipped" else "warning",
                        "thiếu phép thử: " + ", ".join(one[0] for one in words),
                        "no test: " + ", ".join(one[1] for one in words))  # fmt: skip
        texts = {"title": about.titles, "description": about.description, "reason": about.reason}
        missing = [name for name, text in texts.items() if "vi" not in text]
        missing += [] if about.steps.get("vi") else ["steps"]
        if missing:
            yield found("LT-R0504", "error" if origin == "shipped" else "warning",
                        "thiếu tiếng Việt: " + ", ".join(missing), "no Vietnamese: " + ", ".join(missing))  # fmt: skip
    if isinstance(rule, Rule):
        empty = sorted({field for field, test in tests_of(rule.condition) if says_nothing(test)})
        if empty:
            yield found("LT-R0502", "warning", f"giá trị chỉ gồm ký tự đại diện khớp với mọi thứ: {', '.join(empty)}",
                        f"a value of wildcards alone matches everything: {', '.join(empty)}")  # fmt: skip
        elif unanchored(rule.condition) and origin != "imported":
            yield found("LT-R0502", "note",
                        "mọi giá trị đều ngắn và bắt đầu bằng ký tự đại diện; nên thêm một trường có giá trị trọn vẹn",
                        "every value is short and begins with a wildcard; add a field with a whole value")  # fmt: skip


def of_file(path: Path) -> Iterator[Finding]:
    """Filters that hide the contrary of what they say; what `luytre rules new` left to be filled in."""
    try:
        with path.open("rb") as file:
            found = documents(file.read(2 * 1024 * 1024))
    except (OSError, ValueError):
        return  # said when it is loaded
    for document in found:
        why = filters.trap(document)
        if why:
            yield Finding("LT-R0501", "error", str(path), document.line_of("filter.condition"), _id(document),
                          "bộ lọc bị ngược: chỉ những gì nó tìm thấy mới còn được báo; viết `condition: not selection`",
                          why)  # fmt: skip
        left = [key for key, value in _texts(document.value, "") if value == LEFT or value.endswith(" " + LEFT)]
        if left:
            yield Finding("LT-R0508", "warning", str(path), document.line_of(left[0]), _id(document),
                          f"còn phải điền: {', '.join(left)}", f"to be filled in: {', '.join(left)}")  # fmt: skip


def _texts(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{key}.{number}")
    elif isinstance(value, str):
        yield key, value


def of_tags(rule: Rule | Correlation, techniques: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    """`techniques`: id → tactics, of ATT&CK's current list."""
    about = rule.about
    tactics = {tag[7:].lower() for tag in about.tags if tag.lower().startswith("attack.") and not _TECHNIQUE.match(tag)}
    for tag in about.tags:
        named = _TECHNIQUE.match(tag)
        if not named:
            continue
        known = techniques.get(named[1].upper())
        if known is None or (tactics and not tactics & known):
            said = "không có trong ATT&CK" if known is None else "không thuộc chiến thuật được nêu"
            en = "is not in ATT&CK" if known is None else "is not of a tactic that is named"
            yield Finding("LT-R0506", "warning", about.path, about.line, about.id, f"{tag} {said}", f"{tag} {en}")


def tests_of(node: c.Condition) -> Iterator[tuple[str, v.Test]]:
    """(field, test) of everything that must be found; what stands under `not` is another matter."""
    match node:
        case c.AllOf(parts) | c.AnyOf(parts):
            for part in parts:
                yield from tests_of(part)
        case c.Is(field, test):
            yield field, test


def possible(node: c.Condition, absent: frozenset[str]) -> bool:
    """Can it hold on an event without those fields?"""
    match node:
        case c.AllOf(parts):
            return all(possible(part, absent) for part in parts)
        case c.AnyOf(parts):
            return any(possible(part, absent) for part in parts)
        case c.Is(field, _):
            return field not in absent
    return True


def says_nothing(test: v.Test) -> bool:
    return isinstance(test, v.Text) and bool(test.parts) and not any(isinstance(part, str) for part in test.parts)


def unanchored(node: c.Condition) -> bool:
    """Every way to match leans on values that begin with a wildcard and say little."""
    match node:
        case c.AllOf(parts):
            return bool(parts) and all(unanchored(part) or isinstance(part, c.Not) for part in parts)
        case c.AnyOf(parts):
            return any(unanchored(part) for part in parts)
        case c.Is(_, test):
            return isinstance(test, v.Text) and test.parts[:1] == (v.MANY,) and _said(test) <= SHORT_CHARS
    return False


def _said(test: v.Text) -> int:
    return max((len(part) for part in test.parts if isinstance(part, str)), default=0)


def _id(document: Document) -> str:
    return str(document.value.get("id") or "") if isinstance(document.value, dict) else ""
