"""YAML text → documents, bounded, with the line of every key.

In:  the bytes of a rule or pipeline file. Out: a list of `Document(value, lines)`; `lines` maps a key path
     ("detection.sel") to its line from 1. Aliases give the same object again: nothing may change a document's value.
Bound: `FILE_LIMIT_BYTES`, `DOCUMENTS_LIMIT`, `DEPTH_LIMIT` levels, `NODES_LIMIT` nodes and `TEXT_LIMIT_CHARS` of text,
all counted as if aliases were written out (so no alias bomb, of many nodes or of one long text); an alias within its
own anchor, tags that construct objects, merge keys and repeated keys are refused; key paths are kept up to
`PATH_LIMIT_CHARS`. One iterative pass over libyaml's parse events: no recursion, so nesting can't exhaust the stack.
Source: YAML 1.2.2, core schema, which the Sigma specification names: `yes`, `off`, 12:30 and 2026-01-01 are texts (they
are not in PyYAML, and pySigma reads rules with that; no rule of SigmaHQ's has one where it would tell).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

FILE_LIMIT_BYTES = 1024 * 1024
NODES_LIMIT = 100_000
TEXT_LIMIT_CHARS = 4 * 1024 * 1024  # only aliases can reach it
DEPTH_LIMIT = 24
DOCUMENTS_LIMIT = 1000
PATH_LIMIT_CHARS = 512  # deeper keys have the line of the key above them

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR, _CORE = "tag:yaml.org,2002:str", {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}

# Section 10.3.2, Tag Resolution. What can't begin any of these is text without being looked at.
_WORDS: dict[str, bool | float | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    **{f"{sign}.{name}": math.copysign(math.inf, -1 if sign == "-" else 1)
       for sign in ("", "+", "-") for name in ("inf", "Inf", "INF")},
    ".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan,
}  # fmt: skip
_BEGIN = frozenset("~nNtTfF+-.0123456789<")
# A leading zero means a text (as in PyYAML for 00000429): a number would lose what the rule looks for.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class DocumentProblem(ValueError):
    """Why a text is no list of documents, and on which line."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


@dataclass(slots=True)
class Document:
    value: Any
    line: int = 1
    lines: dict[str, int] = field(default_factory=dict)

    def line_of(self, path: str) -> int:
        """The line of a key path, or of its nearest known parent."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, self.line)


def _scalar(event: Any, line: int) -> Any:
    tag, text = event.tag, event.value
    if tag not in (None, "!", _STR) and tag not in _CORE:
        raise DocumentProblem(f"a tag ({tag[:40]}) is not accepted", line)
    if tag in ("!", _STR) or (tag is None and not event.implicit[0]):
        return text
    if text and text[0] not in _BEGIN:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text == "<<" and tag is None:
        raise DocumentProblem("a merge key (<<) is not accepted", line)
    try:
        if _INT.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            number = float(text)
            return number if math.isfinite(number) else text  # "12e4567" is somebody's hash
    except ValueError as error:
        raise DocumentProblem(f"not a number: {text[:40]!r} ({error})"[:200], line) from None
    return text


class _Open:
    """A list or mapping that is being filled."""

    __slots__ = ("anchor", "before", "chars", "height", "key", "path", "value", "waiting")

    def __init__(self, value: Any, path: str, anchor: str | None, before: int, chars: int) -> None:
        self.value, self.path, self.anchor, self.before, self.chars = value, path, anchor, before, chars
        self.height = 1  # levels, itself counted
        self.key: Any = None
        self.waiting = True  # a mapping: the next node is a key


class _Anchored(NamedTuple):
    value: Any
    nodes: int
    chars: int
    height: int


def documents(data: bytes) -> list[Document]:
    """All documents of a file; raises `DocumentProblem`."""
    if len(data) > FILE_LIMIT_BYTES:
        raise DocumentProblem(f"the file is over {FILE_LIMIT_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentProblem(f"not UTF-8: {error.reason}", data[: error.start].count(b"\n") + 1) from None
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise DocumentProblem(f"not YAML: {reason}"[:200], mark.line + 1 if mark else 0) from None
    return [document for document in builder.found if document.value is not None]


class _Builder:
    def __init__(self) -> None:
        self.found: list[Document] = []
        self._stack: list[_Open] = []
        self._nodes = self._chars = 0
        self._anchors: dict[str, _Anchored] = {}

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event, line)
            self._chars += len(event.value)
            self._add(value, line)
            if event.anchor:
                self._anchors[event.anchor] = _Anchored(value, 1, len(event.value), 0)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            if event.tag not in (None, "!"):
                raise DocumentProblem(f"a tag ({event.tag[:40]}) is not accepted", line)
            if len(self._stack) >= DEPTH_LIMIT:
                raise DocumentProblem(f"nested deeper than {DEPTH_LIMIT} levels", line)
            value = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            before = self._nodes
            self._stack.append(_Open(value, self._add(value, line), event.anchor, before, self._chars))
            if event.anchor:
                self._anchors.pop(event.anchor, None)  # not before it is closed
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            closed = self._stack.pop()
            if closed.anchor:
                self._anchors[closed.anchor] = _Anchored(closed.value, self._nodes - closed.before,
                                                           self._chars - closed.chars, closed.height)  # fmt: skip
            if self._stack:
                self._stack[-1].height = max(self._stack[-1].height, closed.height + 1)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), line)
        elif isinstance(event, yaml.DocumentStartEvent):
            if len(self.found) >= DOCUMENTS_LIMIT:
                raise DocumentProblem(f"more than {DOCUMENTS_LIMIT} documents", line)
            self.found.append(Document(None, line))
            self._anchors.clear()

    def _alias(self, name: str, line: int) -> None:
        found = self._anchors.get(name)
        if found is None:
            raise DocumentProblem(f"the alias *{name[:40]} has no anchor before it that is closed", line)
        if len(self._stack) + found.height > DEPTH_LIMIT:
            raise DocumentProblem(f"with its aliases nested deeper than {DEPTH_LIMIT} levels", line)
        self._nodes += found.nodes - 1
        self._chars += found.chars
        if self._chars > TEXT_LIMIT_CHARS:
            raise DocumentProblem(f"with its aliases more than {TEXT_LIMIT_CHARS} characters", line)
        self._add(found.value, line)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, found.height + 1)

    def _add(self, value: Any, line: int) -> str:
        """Put a finished or just opened value into its parent; returns its key path."""
        self._nodes += 1
        if self._nodes > NODES_LIMIT:
            raise DocumentProblem(f"more than {NODES_LIMIT} values", line)
        document = self.found[-1]
        if not self._stack:
            document.value = value
            return ""
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
            return _below(parent.path, len(parent.value) - 1)
        if parent.waiting:
            if isinstance(value, list | dict):
                raise DocumentProblem("a key must be plain text", line)
            if value in parent.value:
                raise DocumentProblem(f"the key {str(value)[:60]!r} stands twice", line)
            parent.key, parent.waiting = value, False
            parent.value[value] = None
            path = _below(parent.path, value)
            if path != parent.path:
                document.lines[path] = line
            return path
        parent.value[parent.key] = value
        parent.waiting = True
        return _below(parent.path, parent.key)


def _below(path: str, key: Any) -> str:
    """A key of a megabyte over 100,000 others would be a path of a megabyte for each."""
    made = f"{path}.{key}" if path else str(key)
    return made if len(made) <= PATH_LIMIT_CHARS else path
