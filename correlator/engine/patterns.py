"""A rule's text value → parts: plain text, wildcards, placeholders.

In:  the text as it stands in the rule. Out: parts as `values.Text` takes them, plus `Placeholder`s under `expand`.
Bound: linear; `COMBINATIONS_LIMIT` texts come of one value's placeholders.
Source: Sigma specification 2.1.0: String Wildcard, Escape Character, Placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from correlator.engine.values import MANY, ONE, Wild

COMBINATIONS_LIMIT = 10_000

_SPECIAL = re.compile(r"\\([\\*?])|([*?])")
_EXPANDED = re.compile(r"\\([\\*?%])|([*?])|%([^%]+)%")
_NAMED = re.compile(r"(?<!\\)%([^%]+)%")


class Placeholder(NamedTuple):
    name: str


Token = str | Wild | Placeholder
Tokens = tuple[Token, ...]
Placeholders = Mapping[str, Sequence[str]]


def tokens(text: str) -> Tokens:
    r"""`\*`, `\?` and `\\` are the plain character; a backslash before anything else is itself."""
    if "*" not in text and "?" not in text and "\\\\" not in text:
        return (text,) if text else ()
    found: list[Token] = []
    end = 0
    for match in _SPECIAL.finditer(text):
        plain, wild = match.groups()
        found.append(text[end : match.start()] + (plain or ""))
        if wild:
            found.append(MANY if wild == "*" else ONE)
        end = match.end()
    found.append(text[end:])
    return joined(found)


def expanded_tokens(text: str) -> Tokens:
    r"""As `tokens`, for a value under `expand`: %name% is a placeholder, `\%` a plain percent character."""
    found: list[Token] = []
    end = 0
    for match in _EXPANDED.finditer(text):
        plain, wild, name = match.groups()
        found.append(text[end : match.start()] + (plain or ""))
        if name:
            found.append(Placeholder(name))
        elif wild:
            found.append(MANY if wild == "*" else ONE)
        end = match.end()
    found.append(text[end:])
    return joined(found)


def joined(parts: Iterable[Token]) -> Tokens:
    """Neighbouring texts become one, neighbouring `*` one, empty texts none."""
    found: list[Token] = []
    for part in parts:
        last = found[-1] if found else None
        if part == "" or (part is MANY and last is MANY):
            continue
        if isinstance(part, str) and isinstance(last, str):
            found[-1] = last + part
        else:
            found.append(part)
    return tuple(found)


def pattern_tokens(text: str) -> Tokens:
    r"""A regular expression under `expand`: all but %name% is kept, `\%` as well (the expression reads it as %)."""
    found: list[Token] = []
    end = 0
    for match in _NAMED.finditer(text):
        found += (text[end : match.start()], Placeholder(match[1]))
        end = match.end()
    return joined([*found, text[end:]])


def filled(parts: Tokens, values: Placeholders, missing: set[str]) -> list[Tokens]:
    """The value once for each combination of its placeholders' values; names without values are put into `missing`."""
    names = list(dict.fromkeys(part.name for part in parts if isinstance(part, Placeholder)))
    if not names:
        return [parts]
    absent = [name for name in names if not values.get(name)]
    if absent:
        missing.update(absent)
        return [parts]
    total = 1
    for name in names:
        total *= len(values[name])
    if total > COMBINATIONS_LIMIT:
        raise ValueError(f"its placeholders make {total} values; at most {COMBINATIONS_LIMIT}")
    choices = product(*([tokens(one) for one in values[name]] for name in names))
    return [joined(_fill(parts, dict(zip(names, choice, strict=True)))) for choice in choices]


def _fill(parts: Tokens, chosen: Mapping[str, Tokens]) -> Iterable[Token]:
    for part in parts:
        if isinstance(part, Placeholder):
            yield from chosen[part.name]
        else:
            yield part
