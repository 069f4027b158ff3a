"""Kinds of indicators: each one's own examples; a value in normal form stays as it is; the live stage finds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correlator.indicators.kinds import all_kinds, guess, normal_of
from correlator.indicators.live import Indicators
from correlator.indicators.seam import Kind
from correlator.indicators.table import IndicatorTable, Row, write
from sensors.event import new_event

KINDS = sorted(all_kinds().values(), key=lambda kind: kind.tag)
TEXT = st.one_of(
    st.text(max_size=80),
    st.from_regex(r"[a-z0-9.\-:/\[\]@?#%]{0,60}", fullmatch=True),
    st.from_regex(r"(http|hxxps)://[a-zđ0-9.\-:\[\]]{0,30}(/[a-z%0-9]{0,20})?", fullmatch=True),
    st.ip_addresses().map(str),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_examples(kind: Kind) -> None:
    assert kind.examples
    assert any(normal is None for _, normal in kind.examples)
    for text, normal in kind.examples:
        assert kind.normal(text) == normal, text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_it_must_be_found_in(kind: Kind, tmp_path: Path) -> None:
    for fields, value in kind.seen:
        flat = {"@timestamp": "2026-11-22T00:00:00Z", **fields}  # what is made of pieces needs them in one object
        for event in (new_event("x", 0.0, fields), *([flat] if set(fields) & set(kind.fields) else [])):
            assert kind.normal(value) == value
            write(tmp_path / "set", [Row(kind.name, value)], {}, 0.0)
            found = Indicators(IndicatorTable(tmp_path / "set")).look(event, 0.0)
            assert [(met.known.kind.name, met.known.value) for met in found] == [
                (kind.name, _as_met(kind, value, found))
            ]
            write(tmp_path / "other", [Row(kind.name, _another(kind))], {}, 0.0)
            assert not Indicators(IndicatorTable(tmp_path / "other")).look(event, 0.0)


def _as_met(kind: Kind, value: str, found: Any) -> str:
    return found[0].known.value if kind.name == "url" and found else value  # the event's own scheme


def _another(kind: Kind) -> str:
    other = {"ip": "192.0.2.1", "network": "192.0.2.0/24", "domain": "other.example", "url": "http://other.example/",
             "ja4": "t13d1516h2_000000000000_000000000000"}  # fmt: skip
    length = len(kind.examples[0][1] or "")
    return other.get(kind.name) or "0" * length


def test_both_languages_and_own_numbers() -> None:
    def keys(texts: Mapping[str, str]) -> None:
        assert set(texts) == {"vi", "en"}
        assert all(texts.values())

    for kind in KINDS:
        for texts in (kind.title, kind.alert, kind.reason):
            keys(texts)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", kind.rule_id)
    for of in ("tag", "rule_id", "name"):
        assert len({getattr(kind, of) for kind in KINDS}) == len(KINDS)


@given(TEXT)
def test_normal_forms_are_final(text: str) -> None:
    for kind in KINDS:
        normal = kind.normal(text)
        if normal is not None:
            assert kind.normal(normal) == normal
            assert len(normal) <= 2_048
            assert kind.key(normal)


@given(TEXT)
def test_what_is_guessed_is_what_its_kind_says(text: str) -> None:
    found = guess(text)
    if found is not None:
        assert normal_of(found[0], found[1]) == found


def test_a_network_of_one_address_is_the_address() -> None:
    assert normal_of("network", "203.0.113.7") == ("ip", "203.0.113.7")
    assert normal_of("ip", "203.0.113.0/24") == ("network", "203.0.113.0/24")
    assert guess("203.0.113.7/32") == ("ip", "203.0.113.7")
