"""Whatever stands in the hit stream, casework reads a bounded value or passes it over; so with strangers' cursors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.casework import indicators
from api.casework.folding import fold, like
from api.casework.hits import read
from api.casework.paging import BadCursor, Key, after
from api.state.cases import Alert

KEYS = st.sampled_from(
    (
        "event", "rule", "luytre", "hit", "id", "name", "level", "type", "count", "title", "reason", "group",
        "group_key", "event_ids", "vi", "en", "@timestamp", "source", "ip", "threat", "technique", "organization",
        "risk_score", "user", "dns", "question",
    )
)  # fmt: skip
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=8))
def test_any_document(document: dict[str, Any]) -> None:
    document.setdefault("rule", {"id": "r"})
    document.setdefault("event", {"id": "e"})
    found = read(document, agency="a", now=0.0)
    if found is not None:
        assert 0 < len(found.id) <= 64
        assert found.level in ("informational", "low", "medium", "high", "critical")
        assert found.kind in ("sigma", "correlation", "detector")
        assert 0 < found.count < 2**31
        assert len(found.event_ids) <= 100
        assert found.title["vi"]
        assert all(len(value) <= 512 for _, value in found.entities)
        indicators.of_entities(found.entities)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_cursor(text: str) -> None:
    try:
        after([Key(Alert.last_seen, down=True), Key(Alert.id)], text)
    except BadCursor:
        return


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_folds_once_and_for_all(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert like(text).startswith("%")


@pytest.mark.parametrize(
    ("entities", "expected"),
    [
        ([("source.ip", "203.0.113.9"), ("destination.ip", "198.51.100.1")], [("ipv4", "203.0.113.9")]),
        ([("source.ip", "203.0.113.9"), ("url.domain", "cong.gov.vn")], [("ipv4", "203.0.113.9")]),
        ([("source.ip", "10.1.1.1"), ("destination.ip", "198.51.100.1")], [("ipv4", "198.51.100.1")]),
        ([("source.ip", "10.1.1.1"), ("dns.question.name", "C2.Example.NET.")], [("domain", "c2.example.net")]),
        ([("source.ip", "::ffff:203.0.113.9")], [("ipv4", "203.0.113.9")]),
        ([("source.ip", "64:ff9b::cb00:7109")], [("ipv4", "203.0.113.9")]),
        ([("source.ip", "64:ff9b::7f00:1")], []),
        ([("source.ip", "2002:7f00:1::")], []),
        ([("source.ip", "100.64.0.1"), ("destination.ip", "224.0.0.1")], []),
        ([("source.ip", "fe80::1%eth0"), ("dns.question.name", "printer.local")], []),
        ([("file.hash.sha256", "A" * 64)], [("sha256", "a" * 64)]),
        ([("dns.question.name", "máychủ.vn")], [("domain", "máychủ.vn".encode("idna").decode())]),
    ],
)  # fmt: skip
def test_what_is_told_to_others(entities: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    assert indicators.of_entities(entities) == expected
