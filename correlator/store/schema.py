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
import ipaddress
import math
import zlib
from typing import Any, NamedTuple

import msgspec
import tantivy

from correlator.store.columns import KEYWORD_LIMIT, KEYWORD_TWIN, KINDS, TAIL_NAME, as_double, as_long, leaves
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
    rest: dict[str, Any] = {}
    for number, (path, value) in enumerate(leaves(event)):
        if number >= LEAVES_LIMIT:
            break
        if path != "@timestamp" and not _add(document, path, value):
            _add_tail(document, rest, path, value, tail_paths)
    if rest:
        document.add_json("rest", rest)
    return Made(document, when, identity)


def source(stored: bytes) -> bytes | None:
    """The event's JSON, None when it is not what was written."""
    body = stored[4:]
    return body if zlib.crc32(body).to_bytes(4, "big") == stored[:4] else None


def _add(document: tantivy.Document, path: str, value: Any) -> bool:
    """Into the path's own field; False when it has none or the value does not fit it."""
    kind = KINDS.get(path)
    match kind:
        case "keyword":
            document.add_text(path, _text(value)[:KEYWORD_LIMIT])
        case "text":
            text = _text(value)
            document.add_text(path, text)
            document.add_text("_has", path)
            if path in KEYWORD_TWIN:
                document.add_text(KEYWORD_TWIN[path], text[:KEYWORD_LIMIT])
        case "ip":
            try:
                ipaddress.ip_address(value if isinstance(value, str) else "")
            except ValueError:
                return False
            document.add_ip_addr(path, value.partition("%")[0])
        case "date":
            moment = _moment(value)
            if moment is None:
                return False
            document.add_integer(path, moment)
        case "long":
            number = as_long(value)
            if number is None:
                return False
            document.add_integer(path, number)
        case "double":
            real = as_double(value)
            if real is None:
                return False
            document.add_float(path, real)
        case "boolean":
            if value not in (True, False, "true", "false"):
                return False
            document.add_boolean(path, value in (True, "true"))
        case _:
            return False
    return True


def _add_tail(document: tantivy.Document, rest: dict[str, Any], path: str, value: Any, known: set[str]) -> None:
    if path in KINDS or not TAIL_NAME.match(path) or not _fits(value):
        document.add_text("_overflow", f"{composed(path)}={_text(value)}"[:KEYWORD_LIMIT])
        return
    if path not in known:
        if len(known) >= TAIL_PATHS_LIMIT:
            document.add_text("_overflow", f"{path}={_text(value)}"[:KEYWORD_LIMIT])
            return
        known.add(path)
    if isinstance(value, str):
        value = composed(value)[:KEYWORD_LIMIT]
    rest.setdefault(path, []).append(value)


def _fits(value: Any) -> bool:
    if isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    return isinstance(value, float) and math.isfinite(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return composed(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)[:KEYWORD_LIMIT]


def _moment(value: Any) -> int | None:
    return micros(value) if isinstance(value, str | int | float) else None
