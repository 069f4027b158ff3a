"""The embedded index's schema and how an event becomes a document of it.

In:  an event's JSON and its number in the journal. Out: a tantivy Document.
Every core field of sensors/fields.py has a field of its own, keywords twofold in one: the inverted index holds folded
terms ("da nang"), the column holds the text as it came ("Đà Nẵng") for aggregations. What the table does not name goes
into the JSON field `rest` under its dotted path; what fits neither (a wrong type, an odd name, a path after the cap)
goes into `_overflow` as `path=value`, so that nothing stored is unfindable.
Bound: TAIL_PATHS_LIMIT paths in `rest` per run and partition, KEYWORD_LIMIT characters a keyword, LEAVES_LIMIT leaves
an event.
`_source` is the event as journalled behind its CRC-32: a bit that flips in the index is never served.
Source: tantivy 0.27 (`date` columns keep whole seconds only, hence dates as microseconds in an integer field).
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import tantivy

from correlator.store.columns import DEPTH_LIMIT, KEYWORD_LIMIT, KEYWORD_TWIN, KINDS, TAIL_NAME, as_double, as_long
from correlator.store.fold import composed
from correlator.store.query import micros
from sensors.event import decode, get

TAIL_PATHS_LIMIT = 2_000
LEAVES_LIMIT = 1_000
WORD_LIMIT = 255

_LAYOUT = 1  # raise when documents are made differently
VERSION = hashlib.blake2b(repr((_LAYOUT, sorted(KINDS.items()))).encode(), digest_size=8).hexdigest()


def build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name, kind in KINDS.items():
        match kind:
            case "keyword":
                builder.add_text_field(name, fast=True, tokenizer_name="folded", index_option="basic")
            case "text":
                builder.add_text_field(name, tokenizer_name="words", index_option="position")
            case "ip":
                builder.add_ip_addr_field(name, indexed=True, fast=True)
            case "date" | "long":
                builder.add_integer_field(name, indexed=True, fast=True)
            case "double":
                builder.add_float_field(name, indexed=True, fast=True)
            case "boolean":
                builder.add_boolean_field(name, indexed=True, fast=True)
    for twin in KEYWORD_TWIN.values():
        builder.add_text_field(twin, fast=True, tokenizer_name="folded", index_option="basic")
    builder.add_json_field("rest", fast=True, tokenizer_name="folded", index_option="basic", expand_dots_enabled=True)
    for name in ("_id", "_agency", "_has"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("_overflow", tokenizer_name="folded", index_option="basic")
    builder.add_unsigned_field("_order", indexed=True, fast=True)
    builder.add_bytes_field("_source", stored=True)
    return builder.build()


def _analyzer(tokenizer: tantivy.Tokenizer, *filters: tantivy.Filter) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tokenizer)
    for one in filters:
        builder = builder.filter(one)
    return builder.build()


FOLDED = _analyzer(tantivy.Tokenizer.raw(), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold())
WORDS = _analyzer(
    tantivy.Tokenizer.simple(),
    tantivy.Filter.remove_long(WORD_LIMIT), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold(),
)  # fmt: skip


def prepare(index: tantivy.Index) -> tantivy.Index:
    """Tokenizers live in the program, not in the index; columns keep the text as it came."""
    index.register_tokenizer("folded", FOLDED)
    index.register_tokenizer("words", WORDS)
    index.register_fast_field_tokenizer("folded", _analyzer(tantivy.Tokenizer.raw()))
    return index


def folded(text: str) -> str:
    terms: list[str] = FOLDED.analyze(composed(text))
    return terms[0] if terms else ""


def words(text: str) -> list[str]:
    found: list[str] = WORDS.analyze(composed(text))
    return found


class Made(NamedTuple):
    document: tantivy.Document
    when: int  # microseconds
    id: str


def make_document(data: bytes, order: int, tail_paths: set[str]) -> Made:
    """The document of an event. `order` counts the stream's items: it sorts events of equal time for exact paging.
    Raises nothing on hostile content: what cannot be decoded is stored with its order alone."""
    document = tantivy.Document()
    document.add_bytes("_source", zlib.crc32(data).to_bytes(4, "big") + data)
    document.add_unsigned("_order", order)
    try:
        event = decode(data)
    except (msgspec.DecodeError, RecursionError):
        document.add_integer("@timestamp", 0)
        return Made(document, 0, "")
    identity = _text(get(event, "event.id"))
    document.add_text("_id", identity)
    agency = get(event, "organization.id")
    if isinstance(agency, str):
        document.add_text("_agency", composed(agency))
    when = _moment(event.get("@timestamp"))
    if when is None:
        when = _moment(get(event, "event.ingested")) or 0
    document.add_integer("@timestamp", when)
    walk = _Walk(document, tail_paths)
    walk.fields(event, "", 1)
    if walk.rest:
        document.add_json("rest", walk.rest)
    return Made(document, when, identity)


def source(stored: bytes) -> bytes | None:
    """The event's JSON, None when it is not what was written."""
    body = stored[4:]
    return body if zlib.crc32(body).to_bytes(4, "big") == stored[:4] else None


class _Walk:
    """One pass over an event's leaves, each into its field; the hot path of indexing, hence no generators."""

    __slots__ = ("document", "known", "left", "rest")

    def __init__(self, document: tantivy.Document, known: set[str]) -> None:
        self.document, self.known = document, known
        self.left = LEAVES_LIMIT
        self.rest: dict[str, list[Any]] = {}

    def fields(self, value: dict[str, Any], prefix: str, depth: int) -> None:
        for key, inner in value.items():
            path = prefix + key
            kind = type(inner)
            if kind is dict:
                if depth < DEPTH_LIMIT:
                    self.fields(inner, path + ".", depth + 1)
            elif kind is list:
                self.members(inner, path, depth)
            elif inner is not None:
                self.leaf(path, inner)

    def members(self, values: list[Any], path: str, depth: int) -> None:
        for value in values:
            if type(value) is dict:
                if depth < DEPTH_LIMIT:
                    self.fields(value, path + ".", depth + 1)
            elif type(value) is list:
                if depth < DEPTH_LIMIT:
                    self.members(value, path, depth + 1)
            elif value is not None:
                self.leaf(path, value)

    def leaf(self, path: str, value: Any) -> None:
        self.left -= 1
        if self.left < 0 or path == "@timestamp":
            return
        add = _ADD.get(path)
        if add is None:
            self.tail(path, value)
        elif not add(self.document, path, value):
            self.overflow(path, value)

    def tail(self, path: str, value: Any) -> None:
        if path not in self.known:
            if len(self.known) >= TAIL_PATHS_LIMIT or not TAIL_NAME.match(path):
                self.overflow(path, value)
                return
            self.known.add(path)
        if type(value) is str:
            self.rest.setdefault(path, []).append(composed(value)[:KEYWORD_LIMIT])
        elif _fits(value):
            self.rest.setdefault(path, []).append(value)
        else:
            self.overflow(path, value)

    def overflow(self, path: str, value: Any) -> None:
        self.document.add_text("_overflow", f"{composed(path)}={_text(value)}"[:KEYWORD_LIMIT])


# Each puts a value into the field of its path, and is False when it does not fit there.


def _add_keyword(document: tantivy.Document, path: str, value: Any) -> bool:
    document.add_text(path, _text(value)[:KEYWORD_LIMIT])
    return True


def _add_text(document: tantivy.Document, path: str, value: Any) -> bool:
    text = _text(value)
    document.add_text(path, text)
    document.add_text("_has", path)
    if path in KEYWORD_TWIN:
        document.add_text(KEYWORD_TWIN[path], text[:KEYWORD_LIMIT])
    return True


def _add_ip(document: tantivy.Document, path: str, value: Any) -> bool:
    if type(value) is not str:
        return False
    try:
        document.add_ip_addr(path, value.partition("%")[0])
    except ValueError:
        return False
    return True


def _add_date(document: tantivy.Document, path: str, value: Any) -> bool:
    moment = _moment(value)
    if moment is None:
        return False
    document.add_integer(path, moment)
    return True


def _add_long(document: tantivy.Document, path: str, value: Any) -> bool:
    number = as_long(value)
    if number is None:
        return False
    document.add_integer(path, number)
    return True


def _add_double(document: tantivy.Document, path: str, value: Any) -> bool:
    real = as_double(value)
    if real is None:
        return False
    document.add_float(path, real)
    return True


def _add_boolean(document: tantivy.Document, path: str, value: Any) -> bool:
    if value not in (True, False, "true", "false"):
        return False
    document.add_boolean(path, value in (True, "true"))
    return True


_BY_KIND: dict[str, Callable[[tantivy.Document, str, Any], bool]] = {
    "keyword": _add_keyword, "text": _add_text, "ip": _add_ip, "date": _add_date, "long": _add_long,
    "double": _add_double, "boolean": _add_boolean,
}  # fmt: skip
_ADD = {name: _BY_KIND[kind] for name, kind in KINDS.items() if kind in _BY_KIND}


def _fits(value: Any) -> bool:
    if isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    return isinstance(value, float) and math.isfinite(value)


def _text(value: Any) -> str:
    if type(value) is str:
        return composed(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)[:KEYWORD_LIMIT]


def _moment(value: Any) -> int | None:
    return micros(value) if isinstance(value, str | int | float) else None
