"""The search language that people type, and back: `parse(text)` gives the tree of base.py, `show(tree)` the text.

    dang nhap                     both words (bare words: anywhere in the full text, without diacritics)
    "đăng nhập thất bại"          the words in sequence
    user.name:root                field equals value; `source.ip:10.0.0.0/8`; `user.name:"Trần Văn A"`
    process.name:power*.exe       wildcards `*` and `?`; `user.name:*` = the field exists
    user.name:(root OR admin)     one field, several values
    source.port>=1024             also `<` `>` `<=`, `source.port:>=1024`
    @timestamp:[2026-11-22 TO 2026-11-23}    `[ ]` takes the end in, `{ }` leaves it out, `*` = open
    AND OR NOT ( ) -word          upper case; a space is AND; `\\` before a special character takes its meaning away

Out: a Node, or `QueryError` with the column. Bound: LIMIT_CHARS, LIMIT_TERMS, LIMIT_DEPTH (reliability.md B15).
Source: the common part of Kibana's KQL and Lucene's syntax, so that nobody has to learn it anew.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from correlator.store.base import All, And, Exists, Is, Node, Not, Or, Range, Text
from sensors.clock import parse_rfc3339
from sensors.errors import LuytreError, Place, Problem

LIMIT_CHARS = 8_192
LIMIT_TERMS = 256
LIMIT_DEPTH = 16

TEXT_FIELDS = ("message", "event.original", "event.reason")
"""Where `Text` looks for words in sequence."""

NAME_FIELDS = (
    "host.name", "user.name", "source.domain", "destination.domain", "dns.question.name", "url.domain",
    "tls.client.server_name", "process.name", "file.name", "rule.name", "service.name", "observer.name", "event.id",
)  # fmt: skip
"""A `Text` without a space is also looked for as the whole value of these, so that a pasted name is found."""

IP_FIELDS = ("source.ip", "destination.ip", "client.ip", "server.ip", "host.ip", "observer.ip", "related.ip")
"""... and of these when it is an address or a network."""

Value = str | int | float | bool

_SPECIAL = set('\\"()[]{}:<>=*? \t\r\n')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\Z", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+]*://")
_INT = re.compile(r"0|-?[1-9]\d{0,39}\Z", re.ASCII)


class QueryError(LuytreError):
    """A query that cannot be run; `column` counts characters from 1, 0 when the tree came from a program."""

    def __init__(self, vi: str, en: str, column: int = 0, text: str = "") -> None:
        super().__init__(Problem("LT-Q0101", vi, en, Place(line=1 if column else 0, column=column, text=text[:200])))
        self.column = column


def parse(text: str) -> Node:
    """The tree of `text`; an empty text is `All`."""
    if len(text) > LIMIT_CHARS:
        raise QueryError(f"câu tìm dài quá {LIMIT_CHARS} ký tự", f"query longer than {LIMIT_CHARS} characters")
    return _Parser(text).whole()


def show(node: Node) -> str:
    """Text whose `parse` gives `node` again."""
    return _show(node)


def check(node: Node) -> None:
    """Refuse a tree, from wherever it came, that is deeper or wider than `parse` would have made it."""
    terms = 0
    stack: list[tuple[Node, int]] = [(node, 1)]
    while stack:
        here, depth = stack.pop()
        terms += 1
        if depth > LIMIT_DEPTH + 2 or terms > 4 * LIMIT_TERMS:
            raise QueryError("câu tìm quá lớn", "the query is too large")
        match here:
            case And(parts) | Or(parts):
                stack += [(part, depth + 1) for part in parts]
            case Not(part):
                stack.append((part, depth + 1))


def micros(value: Value) -> int | None:
    """Microseconds since 1970 of RFC 3339 text, of a plain date (midnight UTC), or of epoch milliseconds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value * 1000) if abs(value) < 1e15 else None
    if _USUAL.match(value):
        try:  # the usual spelling, in the standard library's C
            return (datetime.fromisoformat(value) - _EPOCH) // _MICROSECOND
        except ValueError:
            pass
    seconds = parse_rfc3339(value + "T00:00:00Z" if len(value) == 10 else value)
    return None if seconds is None else round(seconds * 1_000_000)


def pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """The parts of a wildcard pattern: (literal text, False), ("*", True), ("?", True); `\\` escapes `* ? \\`."""
    literal = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\" and pattern[index + 1 : index + 2] in ("*", "?", "\\"):
            literal += pattern[index + 1]
            index += 2
            continue
        if char in "*?":
            if literal:
                yield literal, False
            literal = ""
            yield char, True
        else:
            literal += char
        index += 1
    if literal:
        yield literal, False


def network(value: Value) -> tuple[str, str] | None:
    """First and last address (IPv6 text, IPv4 mapped) of an address, a CIDR network, or `10.1.*`."""
    if not isinstance(value, str):
        return None
    text = value
    octets = text.split(".")
    if (
        text.endswith(".*")
        and octets[0] != "*"
        and 2 <= len(octets) <= 4
        and all(part == "*" for part in octets[octets.index("*") :])
    ):
        kept = octets[: octets.index("*")]
        text = ".".join(kept + ["0"] * (4 - len(kept))) + f"/{8 * len(kept)}"
    try:
        net = ipaddress.ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        return None
    ends = (net.network_address, net.broadcast_address)
    first, last = (f"::ffff:{end}" if end.version == 4 else str(end) for end in ends)
    return first, last


# --- text → tree --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Word:
    text: str  # escapes undone, except those that a wildcard pattern needs
    plain: str  # all escapes undone
    quoted: bool
    wildcard: bool
    column: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._terms = 0

    def whole(self) -> Node:
        if not self._peek():
            return All()
        node = self._or(1, None)
        if self._peek():
            raise self._error("thừa dấu ngoặc đóng", "a closing bracket too many")
        return node

    def _or(self, depth: int, field: str | None) -> Node:
        if depth > LIMIT_DEPTH:
            raise self._error("ngoặc lồng quá sâu", "brackets nested too deeply")
        parts = [self._and(depth, field)]
        while self._keyword("OR"):
            parts.append(self._and(depth, field))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self, depth: int, field: str | None) -> Node:
        parts = [self._unary(depth, field)]
        while True:
            if self._keyword("AND"):
                parts.append(self._unary(depth, field))
                continue
            char = self._peek()
            if not char or char == ")" or self._ahead("OR"):
                break
            parts.append(self._unary(depth, field))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unary(self, depth: int, field: str | None) -> Node:
        negations = 0
        while self._keyword("NOT") or self._minus():
            negations += 1
            if depth + negations > LIMIT_DEPTH:
                raise self._error("quá nhiều NOT", "too many NOT")
        node = self._primary(depth + negations, field)
        for _ in range(negations):
            node = Not(node)
        return node

    def _primary(self, depth: int, field: str | None) -> Node:
        char = self._peek()
        if not char:
            raise self._error("câu tìm bị cụt ở đây", "the query ends here, something must follow")
        if char == "(":
            self._at += 1
            node = self._or(depth + 1, field)
            if self._peek() != ")":
                raise self._error("thiếu dấu ngoặc đóng `)`", "missing `)`")
            self._at += 1
            return node
        self._terms += 1
        if self._terms > LIMIT_TERMS:
            raise self._error(f"quá {LIMIT_TERMS} điều kiện", f"more than {LIMIT_TERMS} terms")
        if field is not None:
            return self._value(field, depth)
        start = self._at
        whole = self._word(stop_at_colon=False)
        if not whole.quoted and ((not whole.wildcard and network(whole.plain)) or _URL.match(whole.plain)):
            return Text(whole.plain)
        self._at = start
        word = self._word(stop_at_colon=True)
        after = self._text[self._at : self._at + 1]
        if after == ":" and not word.quoted:
            self._at += 1
            if word.text == "*" and self._text[self._at : self._at + 1] == "*":
                self._at += 1
                return All()
            return self._value(self._named(word), depth)
        if not word.quoted and self._peek() in ("<", ">"):
            return self._value(self._named(word), depth)
        if not word.quoted and word.wildcard:
            if word.text == "*":
                return All()
            return Or(tuple(Is(name, word.text, wildcard=True) for name in TEXT_FIELDS))
        if not word.plain and not word.quoted:
            raise self._error(f"không hiểu `{after or char}`", f"unexpected `{after or char}`")
        return Text(word.plain)

    def _named(self, word: _Word) -> str:
        if not word.plain:
            raise self._error("thiếu tên trường", "a field name is missing", word.column)
        return word.plain

    def _value(self, field: str, depth: int) -> Node:
        if self._text[self._at : self._at + 1] == "(":
            self._at += 1
            node = self._or(depth + 1, field)
            if self._peek() != ")":
                raise self._error("thiếu dấu ngoặc đóng `)`", "missing `)`")
            self._at += 1
            return node
        char = self._peek()
        if char in ("<", ">"):
            self._at += 1
            inclusive = self._text[self._at : self._at + 1] == "="
            self._at += inclusive
            value = self._bound()
            if value is None:
                raise self._error("thiếu giá trị so sánh", "a value to compare with is missing")
            return _range(field, value, None, inclusive, False) if char == ">" else _range(
                field, None, value, True, inclusive
            )  # fmt: skip
        if char in ("[", "{"):
            self._at += 1
            low = self._bound()
            if not self._keyword("TO"):
                raise self._error("thiếu TO trong khoảng", "TO is missing in the range")
            high = self._bound()
            end = self._peek()
            if end not in ("]", "}"):
                raise self._error("khoảng phải đóng bằng `]` hoặc `}`", "a range ends with `]` or `}`")
            self._at += 1
            return _range(field, low, high, char == "[", end == "]")
        word = self._word(stop_at_colon=False)
        if not word.plain and not word.quoted:
            raise self._error(f"thiếu giá trị cho `{field}`", f"a value for `{field}` is missing")
        if word.wildcard:
            return Exists(field) if word.text == "*" else Is(field, word.text, wildcard=True)
        return Is(field, word.plain if word.quoted else _typed(word.plain))

    def _bound(self) -> Value | None:
        self._peek()
        word = self._word(stop_at_colon=False)
        if word.wildcard and word.text == "*":
            return None
        if word.wildcard or (not word.plain and not word.quoted):
            raise self._error("giá trị của khoảng không hợp lệ", "not a value for a range", word.column)
        return word.plain if word.quoted else _typed(word.plain)

    def _word(self, *, stop_at_colon: bool) -> _Word:
        column = self._at + 1
        text = self._text
        if text[self._at : self._at + 1] == '"':
            return self._quoted(column)
        kept, plain, wildcard = [], [], False
        while self._at < len(text):
            char = text[self._at]
            following = text[self._at + 1 : self._at + 2]
            if char == "\\" and following and (following in _SPECIAL or following in "-/"):
                kept.append("\\" + following if following in "*?\\" else following)
                plain.append(following)
                self._at += 2
                continue
            if char in ' \t\r\n()[]{}"<>' or (char == ":" and stop_at_colon):
                break
            wildcard = wildcard or char in "*?"
            kept.append("\\\\" if char == "\\" else char)
            plain.append(char)
            self._at += 1
        whole = "".join(plain)
        return _Word("".join(kept) if wildcard else whole, whole, False, wildcard, column)

    def _quoted(self, column: int) -> _Word:
        kept = []
        self._at += 1
        while self._at < len(self._text):
            char = self._text[self._at]
            following = self._text[self._at + 1 : self._at + 2]
            if char == "\\" and following in ('"', "\\") and following:
                kept.append(following)
                self._at += 2
                continue
            self._at += 1
            if char == '"':
                whole = "".join(kept)
                return _Word(whole, whole, True, False, column)
            kept.append(char)
        raise self._error('thiếu dấu nháy đóng `"`', 'missing closing `"`', column)

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _ahead(self, keyword: str) -> bool:
        self._peek()
        end = self._at + len(keyword)
        return self._text[self._at : end] == keyword and self._text[end : end + 1] in ("", *' \t\r\n()"[{]}')

    def _keyword(self, keyword: str) -> bool:
        found = self._ahead(keyword)
        if found:
            self._at += len(keyword)
        return found

    def _minus(self) -> bool:
        found = self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", *" \t\r\n)")
        self._at += found
        return found

    def _error(self, vi: str, en: str, column: int = 0) -> QueryError:
        return QueryError(vi, en, column or self._at + 1, self._text)


def _typed(word: str) -> Value:
    """Numbers and booleans only in the spelling that `show` gives back: `007` and `1.10` stay text."""
    if word in ("true", "false"):
        return word == "true"
    if _INT.fullmatch(word):
        return int(word)
    if re.fullmatch(r"-?\d[\d.eE+\-]*", word, re.ASCII):
        try:
            number = float(word)
        except ValueError:
            return word
        return number if repr(number) == word else word
    return word


def _range(field: str, low: Value | None, high: Value | None, low_in: bool, high_in: bool) -> Node:
    node: Node = Range(field, low, high)
    if high_in and high is not None:
        node = Or((node, Is(field, high)))
    if not low_in and low is not None:
        node = And((node, Not(Is(field, low))))
    return node


# --- tree → text --------------------------------------------------------------------------------------------------


def _show(node: Node, inside: bool = False) -> str:
    match node:
        case All():
            return "*"
        case Text(words):
            return _quote(words)
        case Is(field, value, wildcard):
            if wildcard:
                return f"{_name(field)}:{_pattern(str(value))}"
            return f"{_name(field)}:{_literal(value)}"
        case Exists(field):
            return f"{_name(field)}:*"
        case Range(field, low, None) if low is not None:
            return f"{_name(field)}:>={_literal(low)}"
        case Range(field, None, high) if high is not None:
            return f"{_name(field)}:<{_literal(high)}"
        case Range(field, low, high):
            ends = ("*" if end is None else _literal(end) for end in (low, high))
            return f"{_name(field)}:[{' TO '.join(ends)}}}"
        case Not(part):
            return "NOT " + _show(part, inside=True)
        case And(parts):
            text = " ".join(_show(part, inside=True) for part in parts)
        case Or(parts):
            text = " OR ".join(_show(part, inside=True) for part in parts)
    return f"({text})" if inside else text


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        safe = re.fullmatch(r"[^\s\\\"()\[\]{}<>=*?]+", value) and _typed(value) == value
        return value if safe and value not in ("TO", "AND", "OR", "NOT") else _quote(value)
    return repr(value)


def _name(field: str) -> str:
    text = "".join("\\" + char if char in _SPECIAL else char for char in field)
    return "\\" + text if text[:1] == "-" else text


def _pattern(pattern: str) -> str:
    text = ""
    for piece, is_wildcard in pieces(pattern):
        text += piece if is_wildcard else "".join("\\" + char if char in _SPECIAL else char for char in piece)
    return text
