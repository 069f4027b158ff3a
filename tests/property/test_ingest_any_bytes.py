"""Any bytes and any JSON give values: no exception, the sender's identity on all that is stored."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from api.auth.ca import Name
from api.ingest.body import BodyRefused, inflate
from api.ingest.bulk import BulkRefused, parse
from api.ingest.check import check
from api.ingest.limits import LIMITS
from api.ingest.stamp import Stamp
from sensors.event import encode, get

WHO = Name("x", "sensor", "y")
_names = st.sampled_from(
    ["event", "observer", "organization", "luytre", "agent", "id", "name", "observer.name", "event.id",
     "luytre.spool.epoch", "spool", "epoch", "sequence", "@timestamp", "organization.id", "", ".", "a.", "a..b",
     "type", "kind"]
)  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "zstd", "deflate"]))
def test_bodies(data: bytes, coding: str) -> None:
    try:
        assert len(inflate(data, coding, 1000)) <= 1000
    except BodyRefused as error:
        assert error.status in (400, 413)  # noqa: PT017  either outcome is right


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([b'{"create":{}}', b'{"index":{"_id":"1"}}', b'{"delete":{}}', b"{}", b"\xff", b"", b"\r"])
    )
)
def test_bulk_bodies(lines: list[bytes]) -> None:
    try:
        for doc in parse(b"\n".join(lines), LIMITS):
            assert doc.error or isinstance(check(doc.source, LIMITS), dict | str)
    except BulkRefused as error:
        assert error.status in (400, 413)  # noqa: PT017  either outcome is right


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_documents(data: bytes) -> None:
    assert isinstance(check(data, LIMITS), dict | str)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_names, _json, max_size=6), st.none() | st.text(max_size=5))
def test_stamps(event: dict[str, object], foreign: str | None) -> None:
    found = check(msgspec.json.encode(event), LIMITS)
    if isinstance(found, str):
        return
    entry = Stamp(WHO, 1_795_000_000.0, set())(found, foreign)
    assert get(entry.event, "organization.id") == "x"
    assert get(entry.event, "observer.name") == "y"
    assert isinstance(get(entry.event, "event.id"), str)
    assert not any(
        "." in key and key.split(".")[0] in ("observer", "organization") for key in entry.event if key.strip(".")
    )
    assert check(encode(entry.event), LIMITS) is not None
