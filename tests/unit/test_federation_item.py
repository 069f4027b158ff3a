"""The raised item: built so that it always fits, read so that nothing else gets in; and the signature on it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.auth.ca import Authority, Name
from api.federation import item as items
from api.federation.signing import sign, verify
from api.state.cases import Alert
from sensors.clock import ManualClock
from tests.servers.people_port import MINE, NOW, NodeUnderTest, hit, make_node
from tests.servers.two_nodes import an_item

OF_A_RAISE = {
    "schema": items.SCHEMA,
    "marking": "none",
    "revision": 1,
    "sequence": 1,
    "raised_at": "2026-11-18T10:00:00Z",
}


def alert_of(node: NodeUnderTest) -> dict[str, Any]:
    with node.runtime.db.read() as session:
        return items.of_alert(session, session.scalars(select(Alert)).one()) | OF_A_RAISE


def test_an_alert_s_item_fits_and_tells_no_inner_thing(tmp_path: Path) -> None:
    with make_node(tmp_path) as node:
        made = hit(1, user__name="lan.nguyen", destination__ip="10.20.30.40")
        made["luytre"]["hit"]["reason"] = {
            "vi": "203.0.113.9 vào 10.20.30.40 (172.16.9.9) bằng lan.nguyen; planning.nguyen còn",
            "en": "203.0.113.9 entered 10.20.30.40 as lan.nguyen\x00",
        }
        node.store([made], "hits")
        node.fold()
        item = alert_of(node)
    assert items.wrong_with(item) is None
    assert item["alerts"][0]["reason"] == {
        "vi": "203.0.113.9 vào … (…) bằng …; planning.nguyen còn",
        "en": "203.0.113.9 entered … as …␀",
    }  # fmt: skip
    text = items.canonical(item)
    assert "10.20.30.40" not in text
    assert "lan.nguyen" not in text.replace("planning.nguyen", "")
    assert item["indicators"] == [{"type": "ipv4", "value": "203.0.113.9", "tlp": "amber"}]
    assert item["id"] == f"CB-2026-000001.{int(NOW):x}"


def test_whatever_casework_holds_makes_an_item(tmp_path: Path) -> None:
    with make_node(tmp_path) as node:
        made = hit(1, rule="r" * 300)
        made["luytre"]["hit"]["title"] = {"vi": "\x00 " + "đ" * 1999, "en": ""}
        made["threat"] = {"technique": {"id": ["TA0001", "t1110", "T1110.001\n", "T1059"]}}
        node.store([made], "hits")
        node.fold()
        item = alert_of(node)
    assert items.wrong_with(item) is None
    assert item["techniques"] == ["T1059"]


def test_many_long_alerts_still_fit_the_limit() -> None:
    one = {"id": "CB-1", "rule_id": "r", "level": "low", "count": 1, "first_seen": "2026-11-18T10:00:00Z",
           "last_seen": "2026-11-18T10:00:00Z", "title": {"vi": "ậ" * 512}, "reason": {"vi": "ậ" * 1000}}  # fmt: skip
    item = items.fitted(an_item(alerts=[one] * 200, alerts_count=200))
    assert items.wrong_with(item) is None
    assert 0 < len(item["alerts"]) < 200
    assert item["alerts_count"] == 200


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"marking": "secret"}, "$.marking"),
        ({"more": 1}, "$"),
        ({"revision": 1.0}, "$.revision"),
        ({"revision": True}, "$.revision"),
        ({"sequence": 2**31}, "$.sequence"),
        ({"agency": "so-tttt\n"}, "$.agency"),
        ({"id": "../../etc"}, "$.id"),
        ({"title": ""}, "$.title"),
        ({"title": "x" * 513}, "$.title"),
        ({"title": "a\x00b"}, "$"),
        ({"title": "\ud800"}, "$"),
        ({"first_seen": "yesterday"}, "$.first_seen"),
        ({"techniques": ["T1"]}, "$.techniques[0]"),
        ({"indicators": [{"type": "ipv4", "value": "10.0.0.1", "tlp": "amber"}]}, "$.indicators[0]"),
        ({"indicators": [{"type": "ipv4", "value": "203.000.113.009", "tlp": "amber"}]}, "$.indicators[0]"),
        ({"indicators": [{"type": "domain", "value": "Evil.Example", "tlp": "amber"}]}, "$.indicators[0]"),
        ({"indicators": [{"type": "url", "value": "javascript:alert(1)", "tlp": "amber"}]}, "$.indicators[0]"),
        ({"indicators": [{"type": "sha256", "value": "xyz", "tlp": "amber"}]}, "$.indicators[0]"),
        ({"note": "ậ" * 10_000, "alerts": [{"id": "a"}]}, "$.alerts[0]"),
    ],
)
def test_what_is_none_is_named_with_its_place(change: dict[str, Any], place: str) -> None:
    assert items.wrong_with(an_item()) is None
    assert str(items.wrong_with(an_item(**change))).startswith(place + ":")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":2}', '{"a":NaN}', '{"a":1e3}', '{"a":"\\u00e9"}', '{"a":"\\ud800"}',
        "[" * 5000,
    ],
)  # fmt: skip
def test_only_the_canonical_text_is_read(text: str) -> None:
    assert items.parsed(text) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(an_item())), VALUES, max_size=3))
def test_any_values_give_an_answer(change: dict[str, Any]) -> None:
    item = an_item(**change)
    wrong = items.wrong_with(item)
    assert wrong is None or wrong.startswith("$")
    assert items.parsed(items.canonical(item)) in (item, None)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, bytes]:
    """(key file, its certificate, somebody else's)."""
    folder = tmp_path_factory.mktemp("keys")
    authority = Authority.open(folder, MINE, ManualClock(NOW))
    made = [authority.local(folder, file, Name(MINE, "node", file)) for file in ("one", "two")]
    der = [x509.load_pem_x509_certificate(issued.pem) for issued in made if issued]
    return folder / "one.key", *(one.public_bytes(serialization.Encoding.DER) for one in der)  # type: ignore[return-value]


def test_a_signature_is_for_this_text_number_sender_and_certificate(key: tuple[Path, bytes, bytes]) -> None:
    path, mine, other = key
    signed = sign("văn bản", 7, "so:node:a", path, mine)
    assert verify(signed, "văn bản", 7, "so:node:a", mine)
    assert not verify(signed, "văn bản ", 7, "so:node:a", mine)
    assert not verify(signed, "văn bản", 8, "so:node:a", mine)
    assert not verify(signed, "văn bản", 7, "so:node:b", mine)
    assert not verify(signed, "văn bản", 7, "so:node:a", other)
    assert not verify(sign("văn bản", 7, "so:node:a", path, other), "văn bản", 7, "so:node:a", mine)
    head, claims, _ = signed.split(".")
    none = json.dumps({"alg": "none"}).encode()
    assert not verify(f"{base64.urlsafe_b64encode(none).decode()}.{claims}.", "văn bản", 7, "so:node:a", mine)
    assert not verify(f"{head}.{claims}.AAAA", "văn bản", 7, "so:node:a", mine)


@settings(max_examples=100, deadline=None)
@given(header=VALUES, tail=st.text(max_size=20))
def test_no_signature_raises(key: tuple[Path, bytes, bytes], header: Any, tail: str) -> None:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "b64": header, "crit": header}).encode()).decode()
    for text in (tail, f"{head.rstrip('=')}.{tail}.{tail}", f"{head.rstrip('=')}.e30.{'A' * 86}"):
        assert not verify(text, "x", 1, "a:node:b", key[1])


def test_a_key_that_is_none_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "node.key").write_text("not a key")
    with pytest.raises(ValueError):
        sign("x", 1, "a:node:b", tmp_path / "node.key", b"")
