"""One rule file's bytes → what stands in it, as far as that depends on no other file.

In:  a file's path and bytes; the agency's placeholder values and pySigma pipeline. Out: an `Item` for each document:
     a rule, a correlation (its references as they are written), a filter, or why it is none, with file and line.
     Never an exception. What depends on other files (filters, references, ids used twice) is load.py's.
Bound: documents.py, detection.py, grammar.py. An item holds no document: nothing of the YAML stays in memory, and what
stays can be kept on disk (cache.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from correlator.engine import compile as compiler
from correlator.engine import compile_correlation as correlations
from correlator.engine import filters
from correlator.engine.documents import Document, DocumentProblem, documents
from correlator.engine.filters import Filter
from correlator.engine.patterns import Placeholders
from correlator.engine.rule import Correlation, Refused, Rule, Unusable

_KEYS = ("id", "detection", "correlation.rules")  # what load.py may still refuse an item for


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One of `rule`, `correlation`, `filter` and `refused` is there. `written_id`, `name`: as in the file; `raw`: what
    a pySigma pipeline must see of a rule (its log source) or of a filter (its selections)."""

    path: str
    written_id: str = ""
    title: str = ""
    name: str = ""
    lines: tuple[int, ...] = ()  # of the document and of `_KEYS`
    rule: Rule | None = None
    correlation: Correlation | None = None
    filter: Filter | None = None
    refused: Refused | None = None
    raw: Any = None

    def refuse(self, why: Unusable) -> Refused:
        """As `why` says, though the document was usable by itself."""
        key = next((at for at, one in enumerate(_KEYS, 1) if why.key == one or why.key.startswith(one + ".")), 0)
        return Refused(self.path, self.lines[key], why.code, why.reason, self.written_id, self.title, why.needs)


class Reader:
    def __init__(self, placeholders: Placeholders, pipeline: Any = None) -> None:
        """`pipeline`: a pySigma ProcessingPipeline applied to each rule, or None."""
        self._placeholders, self._pipeline = placeholders, pipeline

    def read(self, path: str, data: bytes) -> tuple[Item, ...]:
        try:
            found = documents(data)
        except DocumentProblem as problem:
            return (Item(path, refused=Refused(path, problem.line, "LT-R0200", problem.reason)),)
        return tuple(self._item(path, document) for document in found)

    def _item(self, path: str, document: Document) -> Item:
        value = document.value if isinstance(document.value, dict) else {}
        written_id, title, name = (str(value.get(key) or "") for key in ("id", "title", "name"))
        lines = (document.line, *(document.line_of(key) for key in _KEYS))
        told = Item(path, written_id, title, name, lines)
        try:
            match compiler.check(document):
                case "filter":
                    made = filters.read(document, self._placeholders)
                    return msgspec.structs.replace(told, filter=made, raw=self._seen(value, "filter"))
                case "correlation":
                    return msgspec.structs.replace(told, correlation=correlations.read(document, path))
            return msgspec.structs.replace(told, rule=self._rule(document, path), raw=self._seen(value, "logsource"))
        except Unusable as why:
            line, code, reason, needs = _line(document, why.key), why.code, why.reason, why.needs
        except RecursionError as error:
            line, code, reason, needs = document.line, "LT-R0201", f"nested too deep: {error}"[:300], ()
        return msgspec.structs.replace(told, refused=Refused(path, line, code, reason, written_id, title, needs))

    def _rule(self, document: Document, path: str) -> Rule:
        made = compiler.rule(document, path, self._placeholders)
        if self._pipeline is None:
            return made
        from correlator.engine import pysigma  # 0.2 s and 20 MB that a node without such a pipeline doesn't pay

        source, condition = pysigma.transformed(document.value, self._pipeline, self._placeholders)
        return replace(made, logsource=source, condition=condition)

    def _seen(self, value: dict[str, Any], key: str) -> Any:
        return None if self._pipeline is None else value[key]


def _line(document: Document, key: str) -> int:
    """The key's line; "detection.CommandLine" means that field in whichever selection."""
    if key.startswith("detection.") and key not in document.lines:
        name = key[10:]
        for path, line in document.lines.items():
            last = path.rpartition("detection.")[2].split(".", 1)[-1]
            if path.startswith("detection.") and (last == name or last.startswith(name + "|")
                                                  or f".{name}|" in path or path.endswith("." + name)):  # fmt: skip
                return line
    return document.line_of(key)
