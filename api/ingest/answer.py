"""What the sender reads: Elasticsearch's shape, item by item, in order.

In:  the docs of a request and an outcome for each. Out: JSON bytes. With `filter_path` only what a shipper looks at
     (status and error), because links are thin.
Statuses: 201 stored; 200 "noop" stored before; 400 refused for good (its copy is in the dead letters); 429 again later.
Source: the response body of Elasticsearch's bulk API.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from api.ingest.bulk import Doc
from correlator.store.base import Stored

_encode = msgspec.json.Encoder().encode
_TYPES = {
    400: "document_parsing_exception",
    429: "es_rejected_execution_exception",
    503: "unavailable_shards_exception",
}

_WHOLE = {
    400: "illegal_argument_exception",
    401: "security_exception",
    403: "security_exception",
    413: "content_too_long_exception",
    429: "es_rejected_execution_exception",
}


def bulk(docs: Sequence[Doc], outcomes: Sequence[Stored], ids: Sequence[str], took_ms: int, *, slim: bool) -> bytes:
    items: list[dict[str, Any]] = []
    errors = False
    for doc, outcome, made in zip(docs, outcomes, ids, strict=True):
        inner: dict[str, Any] = {"status": outcome.status}
        if outcome.status >= 300:
            errors = True
            inner["error"] = {"type": _TYPES.get(outcome.status, "exception"), "reason": outcome.reason}
        if not slim:
            inner |= {"_index": doc.index or "logs-luytre", "_id": doc.id or made}
            if outcome.status < 300:
                inner |= {"result": "created" if outcome.status == 201 else "noop", "_version": 1,
                          "_shards": {"total": 1, "successful": 1, "failed": 0}}  # fmt: skip
        items.append({doc.action: inner})
    return _encode({"took": took_ms, "errors": errors, "items": items})


def error(status: int, reason: str, kind: str = "") -> bytes:
    """A whole request's refusal, as Elasticsearch words it."""
    kind = kind or _WHOLE.get(status, "exception")
    cause = {"type": kind, "reason": reason}
    return _encode({"error": {"root_cause": [cause], **cause}, "status": status})
