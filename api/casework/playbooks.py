"""What a rule says to the analyst beyond the hit: its description and the steps to take, in both languages.

In:  the folders of Sigma rules (the shipped ones and those of [correlator] rules); of indicators, their own guide.
Out: `of(rule_id)`.
Read again when a file changes (looked at most every CHECK_S). A file that is no rule is passed over here: the engine
lists it as refused. Bound: FILES files of FILE_BYTES, DEPTH levels, no aliases; only the words of rules that carry a
`luytre` block are kept.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import yaml

from correlator.indicators.guide import guides
from sensors.clock import Clock

CHECK_S = 10.0
FILES = 5_000
FILE_BYTES = 256 * 1024
DEPTH = 24
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RuleTexts(TypedDict, total=False):
    description: dict[str, str]
    steps: dict[str, list[str]]


class Playbooks:
    def __init__(self, folders: Callable[[], Sequence[Path]], clock: Clock) -> None:
        """`folders`: asked at each look, because an agency's own folder may be made while we run."""
        self._folders, self._clock = folders, clock
        self._lock = threading.Lock()
        self._checked = float("-inf")
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._of_file: dict[Path, dict[str, RuleTexts]] = {}
        self._texts: dict[str, RuleTexts] = {}
        self._built_in = {
            rule_id: RuleTexts(
                description=dict(one.description), steps={key: [*some] for key, some in one.steps.items()}
            )
            for rule_id, one in guides().items()
        }

    def of(self, rule_id: str) -> RuleTexts:
        with self._lock:
            if self._clock.monotonic() - self._checked >= CHECK_S:
                self._checked = self._clock.monotonic()
                self._look()
        return self._texts.get(rule_id) or self._built_in.get(rule_id, {})

    def _look(self) -> None:
        found: dict[Path, tuple[int, int]] = {}
        for folder in self._folders():
            for path in sorted(folder.rglob("*.yml"))[:FILES]:
                try:
                    status = path.stat()
                except OSError:
                    continue
                # Opening a pipe would wait for its writer.
                if stat.S_ISREG(status.st_mode) and status.st_size <= FILE_BYTES:
                    found[path] = (status.st_mtime_ns, status.st_size)
        if found == self._stamps:
            return
        for path, stamp in found.items():
            if self._stamps.get(path) != stamp:
                self._of_file[path] = _read(path)
        self._of_file = {path: texts for path, texts in self._of_file.items() if path in found}
        self._stamps = found
        self._texts = {key: texts for inner in self._of_file.values() for key, texts in inner.items()}


def _read(path: Path) -> dict[str, RuleTexts]:
    """The texts by rule id of one file."""
    try:
        text = path.read_text("utf-8")
        documents = list(yaml.load_all(text, _Loader)) if _plain(text) else []  # a safe loader
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    found: dict[str, RuleTexts] = {}
    for document in documents:
        ours = document.get("luytre") if isinstance(document, dict) else None
        if not isinstance(ours, dict):
            continue
        description = _by_language(ours.get("description"), _text)
        if not description and isinstance(document.get("description"), str):
            description = {"vi": document["description"][:4000], "en": document["description"][:4000]}
        texts = RuleTexts(description=description, steps=_by_language(ours.get("steps"), _lines))
        found[str(document.get("id"))] = texts
    return found


def _plain(text: str) -> bool:
    """Whether it can be built without harm. libyaml builds by recursion in C: 100 kB of `[` end the whole process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH or isinstance(event, yaml.AliasEvent):
            return False
    return True


def _by_language(value: Any, read: Any) -> dict[str, Any]:
    return {key: read(value[key]) for key in ("vi", "en") if key in value} if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value)[:4000]


def _lines(value: Any) -> list[str]:
    return [str(line)[:1000] for line in value[:20] if isinstance(line, str | int)] if isinstance(value, list) else []
