"""Formats: what a file says becomes values; what doesn't is told with its line; any bytes give a reading."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correlator.indicators import formats
from correlator.indicators.formats import csv_table, plain, stix
from correlator.indicators.formats._foreign import foreign
from correlator.indicators.kinds import normal_of
from correlator.indicators.seam import Reading

DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared" / "data")
JA3 = "e7d705a3286e19ea42f587b344ee6865"


def read(text: str | bytes, expected: str) -> Reading:
    chosen, reading = formats.read(text.encode() if isinstance(text, str) else text)
    assert chosen.name == expected
    return reading


def values(reading: Reading) -> list[tuple[str, str]]:
    found = [normal_of(one.kind, one.value) for one in reading.given]
    return [one for one in found if one is not None]


def test_a_list_as_people_paste_it() -> None:
    reading = read(f"""# of a letter
203.0.113.7
hxxp://evil[.]example/a   # the dropper
evil.example, bad.example; 203.0.113.0/24
ja3: {JA3}
0.0.0.0 hosts.example
45.6.7.8 CobaltStrike
please see the letter of last week
""", "list")  # fmt: skip
    assert values(reading) == [
        ("ip", "203.0.113.7"), ("url", "http://evil.example/a"), ("domain", "evil.example"), ("domain", "bad.example"),
        ("network", "203.0.113.0/24"), ("ja3", JA3), ("domain", "hosts.example"), ("ip", "45.6.7.8"),
    ]  # fmt: skip
    assert reading.given[-1].note == "CobaltStrike"
    assert [(one.line, one.text) for one in reading.passed] == [(8, "please see the letter of last week")]


def test_csv_with_vietnamese_headings_and_a_spreadsheet_s_encodings() -> None:
    text = "Loại;Giá trị;Ghi chú;Độ tin cậy;TLP;Hết hạn;Người nhập\nip;45.6.7.8;C2;90;TLP:GREEN;2027-01-31;Lan\n"
    text += "yara;rule x;;;;;\nmd5;" + JA3 + ";;;;;\n;evil.example;;;;;\nip;;;;;;\n"
    for data in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
        reading = read(data, "csv")
        assert values(reading) == [("ip", "45.6.7.8"), ("md5", JA3), ("domain", "evil.example")]
        first = reading.given[0]
        assert (first.note, first.confidence, first.tlp, first.line) == ("C2", 90, "green", 2)
        assert first.expires == 1801439999.0
        assert [(one.line, one.text) for one in reading.passed] == [(1, "người nhập"), (3, "rule x"), (6, "")]


def test_csv_of_feeds_with_the_heading_in_a_comment() -> None:
    text = '# abuse\n# "first_seen","ioc_value","ioc_type","malware"\n"2026-11-01","45.6.7.8:443","ip:port","Emotet"\n'
    reading = read(text, "csv")
    assert values(reading) == [("ip", "45.6.7.8")]
    assert reading.given[0].note == "Emotet"


def misp(*attributes: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Event": {"info": "Chiến dịch", "Attribute": list(attributes), **more}})


def test_misp() -> None:
    text = misp(
        {"type": "ip-dst|port", "value": "45.6.7.8|443", "to_ids": True},
        {"type": "domain|ip", "value": "evil.example|45.6.7.9", "to_ids": True, "Tag": [{"name": "tlp:red"}]},
        {"type": "filename|sha256", "value": "a.exe|" + "ab" * 32, "comment": "dropper"},
        {"type": "link", "value": "https://news.example/report", "to_ids": False},
        {"type": "regkey", "value": "HKLM\\x"},
        {"type": "ip-src", "value": "45.6.7.1", "deleted": True},
        Tag=[{"name": "tlp:amber+strict"}],
        Object=[{"Attribute": [{"type": "url", "value": "http://evil.example/x", "to_ids": True}]}],
    )
    for whole in (text, json.dumps([json.loads(text)]), json.dumps({"response": [json.loads(text)]})):
        reading = read(whole, "misp")
        assert values(reading) == [("ip", "45.6.7.8"), ("domain", "evil.example"), ("ip", "45.6.7.9"),
                                   ("sha256", "ab" * 32), ("url", "http://evil.example/x")]  # fmt: skip
        assert [one.tlp for one in reading.given] == ["amber+strict", "red", "red", "amber+strict", "amber+strict"]
        assert reading.given[3].note == "Chiến dịch · dropper · a.exe"
        assert [one.line for one in reading.passed] == [4, 5]
        assert "to_ids" in reading.passed[0].vi


def bundle(*patterns: str, **more: Any) -> str:
    made = [{"type": "indicator", "pattern": one, "pattern_type": "stix", **more} for one in patterns]
    return json.dumps({"type": "bundle", "objects": [{"type": "identity"}, *made]})


def test_stix_patterns_that_are_lists_of_values() -> None:
    text = bundle(
        "[ipv4-addr:value = '45.6.7.8']", "[domain-name:value = 'evil.example' OR url:value = 'http://evil.example/it\\'s']",
        "[ipv4-addr:value = '45.6.7.1'] OR [ipv6-addr:value = '2a00::1']",
        "[file:hashes.'SHA-256' = '" + "ab" * 32 + "' AND file:hashes.MD5 = '" + JA3 + "']",
        "[ipv4-addr:value IN ('45.6.7.2', '45.6.7.0/24')]", confidence=80, valid_until="2027-01-01T00:00:00Z",
        object_marking_refs=["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
    )  # fmt: skip
    reading = read(text, "stix")
    assert values(reading) == [
        ("ip", "45.6.7.8"), ("domain", "evil.example"), ("url", "http://evil.example/it's"), ("ip", "45.6.7.1"),
        ("ip", "2a00::1"), ("sha256", "ab" * 32), ("md5", JA3), ("ip", "45.6.7.2"), ("network", "45.6.7.0/24"),
    ]  # fmt: skip
    assert {(one.tlp, one.confidence, one.expires) for one in reading.given} == {("amber", 80, 1798761600.0)}
    assert [one.text for one in reading.passed] == ["identity"]


@pytest.mark.parametrize("pattern", [
    "[domain-name:value = 'a.example' AND url:value = 'http://a.example/']", "[ipv4-addr:value != '45.6.7.8']",
    "[ipv4-addr:value = '45.6.7.8'] FOLLOWEDBY [ipv4-addr:value = '45.6.7.9']", "[ipv4-addr:value = '45.6.7.8",
    "[ipv4-addr:value = '45.6.7.8'] WITHIN 5 SECONDS", "[process:command_line LIKE '%x%']", "[", "", "[]", "'x'",
    "[ipv4-addr:value = 7]", "[NOT ipv4-addr:value = '45.6.7.8']", "[ipv4-addr:value IN ('45.6.7.8'",
    "[ipv4-addr:value = '45.6.7.8'] AND [ipv4-addr:value = '45.6.7.9']", "[" * 30_000,
])  # fmt: skip
def test_stix_patterns_that_say_more_are_told_not_halved(pattern: str) -> None:
    reading = read(bundle(pattern), "stix")
    assert not reading.given
    assert [one.line for one in reading.passed] == [2, 0]
    assert reading.passed[0].vi


def test_what_a_source_took_back_is_not_taken() -> None:
    reading = read(bundle("[ipv4-addr:value = '45.6.7.8']", revoked=True), "stix")
    assert not reading.given
    assert reading.passed[0].line == 2


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", "[[[[", '{"type": ', '["45.6.7.8"]', "[" * 100_000])
def test_json_that_is_neither_is_refused_with_a_reason(text: str) -> None:
    _, reading = formats.read(text.encode())
    assert not reading.given
    assert reading.passed_total


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")),
                 st.text(alphabet="[]'=:.ORANDip4v-adurlv ()\\", max_size=80)
                 .map(lambda text: bundle(text).encode())))  # fmt: skip
def test_any_bytes_give_a_reading(data: bytes) -> None:
    for name in formats.all_formats():
        _, reading = formats.read(data, name)
        for one in reading.given:
            normal_of(one.kind, one.value)
        assert len(reading.passed) <= reading.passed_total


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from correlator.indicators.formats import _read

    monkeypatch.setattr(_read, "GIVEN_LIMIT", 3)
    reading = plain.read(b"\n".join(b"45.6.7.%d" % n for n in range(9)))
    assert len(reading.given) == 3
    assert reading.stopped is not None
    assert reading.stopped.line == 4
    monkeypatch.setattr(formats, "FILE_LIMIT_BYTES", 10)
    assert formats.read(b"45.6.7.8\n45.6.7.9")[1].stopped is not None
    many = plain.read(b"\n".join(b"this line %d is prose" % n for n in range(3_000)))
    assert many.passed_total == 3_000
    assert len(many.passed) == 1_000


def test_both_languages() -> None:
    for one in formats.all_formats().values():
        assert set(one.title) == {"vi", "en"}
    assert csv_table.heading("a,b") is None


@pytest.mark.skipif(not (DATA / "stix").is_dir(), reason="the third-party data is not here")
def test_the_examples_of_stix() -> None:
    found = {}
    for path in sorted((DATA / "stix" / "examples").rglob("*.json")):
        chosen, reading = formats.read(path.read_bytes())
        assert (chosen.name == "stix" and reading.given) or reading.passed
        found[path.name] = values(reading)
    assert found["indicators-for-C2-with-COA.json"][0] == ("ip", "10.0.0.0")
    assert stix.values_of("[ipv4-addr:value = '10.0.0.0']") == [("ip", "10.0.0.0")]


LETTER = "STT;Địa chỉ IP;Mô tả;Ngày hết hạn;Mức chia sẻ\n1;45[.]66[.]77[.]88;máy chủ điều khiển;2027-01-31;TLP:RED\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_annex_of_a_letter_as_vietnamese_offices_write_it(encoding: str, form: Literal["NFC", "NFD"]) -> None:
    reading = read(normalize(form, LETTER).encode(encoding), "csv")
    assert values(reading) == [("ip", "45.66.77.88")]
    (one,) = reading.given
    assert (one.line, one.tlp, one.expires) == (2, "red", 1801439999.0)
    assert normalize("NFC", one.note) == "máy chủ điều khiển"
    assert reading.passed == []  # the rows' numbers are not missed


@pytest.mark.parametrize("data", [
    b"<!DOCTYPE html>\n<html lang=vi><body><p>45.66.77.88</p>\n" * 50, b"\xef\xbb\xbf  <!-- x -->\n<HTML>",
    b"PK\x03\x04\x14", b"%PDF-1.7\n45.66.77.88\n", b"\xd0\xcf\x11\xe0\xa1\xb1", b"\x1f\x8b\x08",
])  # fmt: skip
def test_what_is_no_list_is_said_once(data: bytes) -> None:
    _, reading = formats.read(data)
    assert reading.given == []
    assert reading.stopped is not None
    assert reading.passed_total == 1


def test_comments_before_a_page_are_looked_at_once() -> None:
    """A pattern that tries every way to part them would not end."""
    assert foreign(b"<!---->" * 500 + b"<p>") is None
    assert foreign(b"<!-- " * 800) is None
