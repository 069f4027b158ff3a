"""The `_bulk` body: action line, source line, and so on.

In:  inflated bytes. Out: a `Doc` per item, in order; each carries its source or its own error, so that a bad item never
     fails its neighbours. `BulkRefused` (400) only where lines can no longer be told apart, as Elasticsearch does: an
     action line that is none, or no newline at the end (the body was cut). Nothing of such a body is stored.
Accepted: `create` and `index`, both as create; `update` and `delete` are refused per item (an event never changes).
Ignored for identity: `_index`, `pipeline`, `routing`; `_id` is namespaced by the sender.
Bound: `Limits.items`, `action_bytes`, `id_bytes`, `event_bytes`.
Source: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from api.ingest.limits import Limits


class BulkRefused(Exception):
    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


@dataclass(slots=True)
class Doc:
    action: str
    index: str
    id: str | None
    source: bytes
    error: str = ""  # why it is refused, before it was looked into


class _Meta(msgspec.Struct):
    id: str | None = msgspec.field(name="_id", default=None)
    index: str | None = msgspec.field(name="_index", default=None)


_decode = msgspec.json.Decoder(dict[str, _Meta]).decode
_ACTIONS = ("create", "index", "update", "delete")


def parse(body: bytes, limits: Limits, index: str = "") -> list[Doc]:
    if not body:
        raise BulkRefused("request body is required")
    if not body.endswith(b"\n"):
        raise BulkRefused("The bulk request must be terminated by a newline [\\n]")
    docs: list[Doc] = []
    start, end = 0, len(body)
    line = 0
    while start < end:
        stop = body.index(b"\n", start)
        head = body[start:stop]
        start = stop + 1
        line += 1
        if not head or head == b"\r":
            continue  # Elasticsearch passes over empty lines between items
        if len(docs) >= limits.items:
            raise BulkRefused(f"more than {limits.items} items in one request", 413)
        doc = Doc("create", index, None, b"") if head == b'{"create":{}}' else _action(head, line, limits, index)
        docs.append(doc)
        if doc.action == "delete":
            continue
        if start >= end:
            doc.error = doc.error or "the action has no source line"
            break
        stop = body.index(b"\n", start)
        line += 1
        if stop - start > limits.event_bytes:
            doc.error = doc.error or f"the document is larger than {limits.event_bytes} bytes"
            doc.source = body[start : start + 2048]  # for the dead letter's excerpt
        else:
            doc.source = body[start:stop]
        start = stop + 1
    if not docs:
        raise BulkRefused("Validation Failed: 1: no requests added;")
    return docs


def _action(head: bytes, line: int, limits: Limits, index: str) -> Doc:
    malformed = BulkRefused(f"Malformed action/metadata line [{line}], expected one of [create, delete, index, update]")
    if len(head) > limits.action_bytes:
        raise malformed
    try:
        found = _decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise malformed from None
    action, meta = next(iter(found.items()), ("", _Meta()))
    if len(found) != 1 or action not in _ACTIONS:
        raise malformed
    doc = Doc(action, meta.index or index, meta.id or None, b"")
    if action in ("update", "delete"):
        doc.error = f"{action} is not possible: an event never changes"
    elif doc.id and len(doc.id.encode("utf-8", "replace")) > limits.id_bytes:
        doc.error = f"id is too long, must be no longer than {limits.id_bytes} bytes"
    return doc
