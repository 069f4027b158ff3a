"""The bulk parser: a bad item never fails its neighbours; only lost line sync refuses a whole body."""

from __future__ import annotations

import pytest

from api.ingest.bulk import BulkRefused, parse
from api.ingest.limits import Limits

LIMITS = Limits(items=100, event_bytes=1000)
DOC = b'{"message":"x"}'


def test_create_and_index_are_accepted_and_their_ids_kept() -> None:
    docs = parse(
        b'{"create":{}}\n' + DOC + b'\n{"index":{"_id":"7","_index":"logs-a","pipeline":"p"}}\n' + DOC + b"\n", LIMITS
    )
    assert [(d.action, d.id, d.index, d.source, d.error) for d in docs] == [
        ("create", None, "", DOC, ""),
        ("index", "7", "logs-a", DOC, ""),
    ]


def test_update_delete_long_ids_and_large_documents_are_refused_one_by_one() -> None:
    body = b"".join(
        (
            b'{"delete":{"_id":"1"}}\n',
            b'{"update":{"_id":"1"}}\n{"doc":{}}\n',
            b'{"create":{"_id":"' + b"a" * 513 + b'"}}\n' + DOC + b"\n",
            b'{"create":{}}\n{"m":"' + b"a" * 1000 + b'"}\n',
            b'{"create":{"_id":"' + b"a" * 512 + b'"}}\n' + DOC + b"\n",
        )
    )
    docs = parse(body, LIMITS)
    assert [bool(d.error) for d in docs] == [True, True, True, True, False]


def test_an_orphan_action_is_that_items_error() -> None:
    docs = parse(b'{"create":{}}\n' + DOC + b'\n{"create":{}}\n', LIMITS)
    assert [d.error for d in docs] == ["", "the action has no source line"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\n\n", 400),
        (b'{"create":{}}\n{"a":1}', 400),  # no newline at the end: cut
        (b'{"create":{}}\n{"a":1}\n{"a":2}\n', 400),
        (b'{"create":{},"index":{}}\n{}\n', 400),
        (b'{"create":1}\n{}\n', 400),
        (b"[" * 4000 + b"\n{}\n", 400),
        (b'{"create":{"_id":"' + b"a" * 5000 + b'"}}\n{}\n', 400),
        (b'{"create":{}}\n{}\n' * 101, 413),
    ],
)
def test_a_body_whose_lines_cannot_be_told_apart_is_refused_whole(body: bytes, status: int) -> None:
    with pytest.raises(BulkRefused) as error:
        parse(body, LIMITS)
    assert error.value.status == status
