"""YAML text → documents, bounded, with the line of every key.

In:  the bytes of a rule file. Out: a list of `Document(value, lines)`; `lines` maps a key path ("detection.sel") to its
     line from 1.
Bound: `FILE_LIMIT_BYTES`, `NODES_LIMIT` nodes, `DEPTH_LIMIT` levels; aliases (alias bombs), tags (object construction),
merge keys and repeated keys are refused. One iterative pass over libyaml's parse events: no recursion, so nesting can't
exhaust the stack.
Source: YAML 1.1 as PyYAML's safe loader resolves it, because that is how pySigma reads rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

FILE_LIMIT_BYTES = 1024 * 1024
NODES_LIMIT = 100_000
DEPTH_LIMIT = 24

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR = "tag:yaml.org,2002:str"
_PLAIN = {"null", "bool", "int", "float", "timestamp"}


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


class _Scalars(yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    def __init__(self) -> None:
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    def value(self, event: Any, line: int) -> Any:
        if event.tag not in (None, "!", _STR):
            raise DocumentProblem(f"a tag ({event.tag[:40]}) is not accepted", line)
        if not event.implicit[0] or event.tag is not None:
            return event.value
        tag: str = self.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]
        kind = tag.rpartition(":")[2]
        if kind not in _PLAIN:
            if kind == "merge":
                raise DocumentProblem("a merge key (<<) is not accepted", line)
            return event.value
        try:
            return self.yaml_constructors[tag](self, yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError) as error:
            raise DocumentProblem(f"not a {kind}: {event.value[:40]!r} ({error})"[:200], line) from None


class _Open:
    """A list or mapping that is being filled."""

    __slots__ = ("key", "path", "value", "waiting")

    def __init__(self, value: Any, path: str) -> None:
        self.value, self.path = value, path
        self.key: Any = None
        self.waiting = True  # a mapping: the next node is a key


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


_SCALARS = _Scalars()


class _Builder:
    def __init__(self) -> None:
        self.found: list[Document] = []
        self._stack: list[_Open] = []
        self._nodes = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.found.append(Document(None, line))
        elif isinstance(event, yaml.AliasEvent):
            raise DocumentProblem("aliases (*name) are not accepted in rules", line)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(_SCALARS.value(event, line), line)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            if event.tag not in (None, "!"):
                raise DocumentProblem(f"a tag ({event.tag[:40]}) is not accepted", line)
            if len(self._stack) >= DEPTH_LIMIT:
                raise DocumentProblem(f"nested deeper than {DEPTH_LIMIT} levels", line)
            value: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            self._stack.append(_Open(value, self._add(value, line)))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._stack.pop()

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
            return f"{parent.path}.{len(parent.value) - 1}"
        if parent.waiting:
            if isinstance(value, list | dict):
                raise DocumentProblem("a key must be plain text", line)
            if value in parent.value:
                raise DocumentProblem(f"the key {str(value)[:60]!r} stands twice", line)
            parent.key, parent.waiting = value, False
            parent.value[value] = None
            path = f"{parent.path}.{value}" if parent.path else str(value)
            document.lines[path] = line
            return path
        parent.value[parent.key] = value
        parent.waiting = True
        return f"{parent.path}.{parent.key}" if parent.path else str(parent.key)
