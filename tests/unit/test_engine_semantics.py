"""What the Sigma specification says of values, fields and conditions, case by case, through the whole engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from correlator.engine import Engine

RULE = """
title: A rule under test
id: 11111111-2222-4333-8444-555555555555
status: test
level: low
logsource: {product: luytre, service: unit}
detection: {}
"""


def engine(detection: dict[str, Any], folder: Path, **more: Any) -> Engine:
    document = {**yaml.safe_load(RULE), "detection": detection, **more}
    path = folder / "rule_under_test.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return Engine.load([path])


def matches(detection: dict[str, Any], event: dict[str, Any], folder: Path) -> bool:
    loaded = engine(detection, folder)
    assert not loaded.refused, loaded.refused
    return bool(loaded.match({"event": {"dataset": "unit"}, **event}))


# (what the rule says of field f, the event, does it match)
VALUES: list[tuple[str, Any, dict[str, Any], bool]] = [
    # plain strings ignore case; the whole value must match
    ("f", "whoami", {"f": "WhoAmI"}, True),
    ("f", "whoami", {"f": "whoami /all"}, False),
    ("f", "đăng nhập", {"f": "ĐĂNG NHẬP"}, True),
    # wildcards and escapes
    ("f", "who*", {"f": "whoami\nand more"}, True),
    ("f", "wh?ami", {"f": "whoami"}, True),
    ("f", "wh?ami", {"f": "whami"}, False),
    ("f", "*a*b*", {"f": "xxbxxa"}, False),
    ("f", "*a*b*", {"f": "xxaxxb"}, True),
    ("f", "a*a", {"f": "a"}, False),
    ("f", "a*a", {"f": "aa"}, True),
    ("f", "?*?", {"f": "x"}, False),
    ("f", "?*?", {"f": "xy"}, True),
    ("f", r"100\*", {"f": "100*"}, True),
    ("f", r"100\*", {"f": "1000"}, False),
    ("f", r"what\?", {"f": "what?"}, True),
    ("f", r"what\?", {"f": "whats"}, False),
    ("f", r"C:\Windows\System32", {"f": r"c:\windows\system32"}, True),
    ("f", r"a\\*", {"f": "a\\anything"}, True),  # \\ is a backslash, then a wildcard
    ("f", r"a\\\*", {"f": "a\\*"}, True),  # a backslash, then a plain star
    ("f|endswith", r"\cmd.exe", {"f": r"C:\x\CMD.EXE"}, True),
    ("f|startswith", "-enc", {"f": "-EncodedCommand"}, True),
    ("f|contains", ["a", "b"], {"f": "xxbxx"}, True),
    ("f|contains|all", ["a", "b"], {"f": "xxbxx"}, False),
    ("f|contains|all", ["a", "b"], {"f": "xbxa"}, True),
    ("f|contains", "*", {"f": "x"}, True),
    # lists of values are alternatives
    ("f", ["x", "y"], {"f": "y"}, True),
    # arrays: any member; |all may be met by different members
    ("f", "b", {"f": ["a", "b"]}, True),
    ("f|contains|all", ["a", "b"], {"f": ["xa", "xb"]}, True),
    ("f", "b", {"f": [["a"], ["b"]]}, True),
    ("f.g", "b", {"f": [{"g": "a"}, {"g": "b"}]}, True),
    # numbers by their text; bool is not a number
    ("f", 4625, {"f": "4625"}, True),
    ("f", 4625, {"f": 4625}, True),
    ("f", "4625", {"f": 4625}, True),
    ("f", 1, {"f": 1.0}, True),
    ("f", 1, {"f": True}, False),
    ("f", 4625, {"f": "0x1211"}, False),
    ("f", True, {"f": True}, True),
    ("f", True, {"f": "True"}, True),
    ("f", "true", {"f": True}, True),
    ("f", False, {}, False),
    # null, empty, exists
    ("f", None, {}, True),
    ("f", None, {"f": None}, True),
    ("f", None, {"f": []}, True),
    ("f", None, {"f": ""}, False),
    ("f", "", {"f": ""}, True),
    ("f", "", {"f": None}, False),
    ("f", "", {}, False),
    ("f", "*", {"f": ""}, True),
    ("f", "*", {}, False),
    ("f", ["", None], {}, True),
    ("f|exists", True, {"f": None}, True),
    ("f|exists", True, {"f": ""}, True),
    ("f|exists", True, {}, False),
    ("f|exists", False, {}, True),
    ("f|exists", True, {"f": {"g": 1}}, True),
    # cased, regular expressions (raw value, case-sensitive, unanchored)
    ("f|cased", "Abc", {"f": "abc"}, False),
    ("f|cased", "Abc", {"f": "Abc"}, True),
    ("f|contains|cased", "Abc", {"f": "xAbcx"}, True),
    ("f|re", "ab+c", {"f": "xxabbbcxx"}, True),
    ("f|re", "ab+c", {"f": "ABBC"}, False),
    ("f|re|i", "ab+c", {"f": "ABBC"}, True),
    ("f|re", "^ab$", {"f": "x\nab\ny"}, False),
    ("f|re|m", "^ab$", {"f": "x\nab\ny"}, True),
    ("f|re", "a.b", {"f": "a\nb"}, False),
    ("f|re|s", "a.b", {"f": "a\nb"}, True),
    ("f|re", "^46", {"f": 4625}, True),
    # comparison
    ("f|gt", 5, {"f": 6}, True),
    ("f|gt", 5, {"f": "6"}, True),
    ("f|gt", 5, {"f": 5}, False),
    ("f|gte", 5, {"f": 5.0}, True),
    ("f|lt", 5, {"f": "abc"}, False),
    ("f|lte", 5, {}, False),
    ("f|neq", "a", {"f": "b"}, True),
    ("f|neq", "a", {"f": "A"}, False),
    ("f|neq", "a", {}, True),
    ("f|contains|neq", "a", {"f": "xax"}, False),
    # networks
    ("f|cidr", "10.0.0.0/8", {"f": "10.200.3.4"}, True),
    ("f|cidr", "10.0.0.0/8", {"f": "11.0.0.1"}, False),
    ("f|cidr", "10.0.0.0/8", {"f": "not an address"}, False),
    ("f|cidr", ["192.168.0.0/16", "2001:db8::/32"], {"f": "2001:db8::1"}, True),
    ("f|cidr", "2001:db8::/32", {"f": "10.0.0.1"}, False),
    ("f|cidr", "10.0.0.0/8", {"f": ["x", "10.1.1.1"]}, True),
    # encodings
    ("f|base64|contains", "foobar", {"f": "cmd Zm9vYmFy"}, True),
    ("f|base64offset|contains", "foobar", {"f": "xx hmb29iYX yy"}, True),  # two bytes stand before it
    ("f|base64offset|contains", "foobar", {"f": "xx m29iYX yy"}, False),
    ("f|base64offset|contains", "http", {"f": "IGh0dHA6"}, True),
    ("f|wide|base64offset|contains", "ping", {"f": "cABpAG4AZw"}, True),
    ("f|utf16le|base64offset|contains", "ping", {"f": "cABpAG4AZw"}, True),
    ("f|windash|contains", " -f", {"f": "x /f y"}, True),
    ("f|windash|contains", " -f", {"f": "x —f y"}, True),
    ("f|windash|contains|all", [" -a", " -b"], {"f": "x /a –b"}, True),
    # another field
    ("f|fieldref", "g", {"f": "Same", "g": "same"}, True),
    ("f|fieldref", "g", {"f": "a", "g": "b"}, False),
    ("f|fieldref", "g", {"f": "a"}, False),
    ("f|fieldref|startswith", "g", {"f": "abc", "g": "ab"}, True),
    ("f|fieldref|endswith", "g", {"f": "abc", "g": "bc"}, True),
    ("f|fieldref|neq", "g", {"f": "a", "g": "b"}, True),
    # parts of a date
    ("f|hour", 22, {"f": "2026-01-05T22:10:00Z"}, True),
    ("f|hour|gte", 22, {"f": "2026-01-05T23:10:00Z"}, True),
    ("f|day", 5, {"f": "2026-01-05 22:10:00.123"}, True),
    ("f|year", 2026, {"f": "not a date"}, False),
]


@pytest.mark.parametrize(("key", "value", "event", "expected"), VALUES,
                         ids=[f"{k}: {v!r} / {e!r}" for k, v, e, _ in VALUES])  # fmt: skip
def test_a_value(key: str, value: Any, event: dict[str, Any], expected: bool, tmp_path: Path) -> None:
    assert matches({"sel": {key: value}, "condition": "sel"}, event, tmp_path) is expected


A, B, C = {"a": "1"}, {"b": "1"}, {"c": "1"}
CONDITIONS: list[tuple[str, dict[str, Any], bool]] = [
    ("sel_a and sel_b", {**A, **B}, True),
    ("sel_a and sel_b", A, False),
    ("sel_a or sel_b", B, True),
    ("not sel_a", B, True),
    ("sel_a and not sel_b", {**A, **B}, False),
    ("sel_a or sel_b and sel_c", A, True),  # and binds tighter
    ("(sel_a or sel_b) and sel_c", A, False),
    ("1 of sel_*", C, True),
    ("all of sel_*", {**A, **B}, False),
    ("all of sel_*", {**A, **B, **C}, True),
    ("1 of them", {"hidden": "1"}, False),  # names with _ are not "them"
    ("any of sel_*", B, True),
    ("not 1 of sel_*", {"x": "1"}, True),
    ("not (sel_a and sel_b)", A, True),
]


@pytest.mark.parametrize(("condition", "event", "expected"), CONDITIONS, ids=[f"{c} / {e}" for c, e, _ in CONDITIONS])
def test_a_condition(condition: str, event: dict[str, Any], expected: bool, tmp_path: Path) -> None:
    detection = {"sel_a": {"a": 1}, "sel_b": {"b": 1}, "sel_c": {"c": 1}, "_hidden": {"hidden": 1},
                 "condition": condition}  # fmt: skip
    assert matches(detection, event, tmp_path) is expected


def test_a_list_of_conditions_is_met_by_any(tmp_path: Path) -> None:
    detection = {"one": {"a": 1}, "two": {"b": 1}, "condition": ["one", "two"]}
    assert matches(detection, B, tmp_path)


def test_a_selection_is_all_of_its_fields_and_a_list_of_selections_any(tmp_path: Path) -> None:
    assert not matches({"sel": {"a": 1, "b": 1}, "condition": "sel"}, A, tmp_path)
    assert matches({"sel": [{"a": 1}, {"b": 1}], "condition": "sel"}, B, tmp_path)


KEYWORDS: list[tuple[Any, dict[str, Any], bool]] = [
    (["mimikatz"], {"message": "run MIMIKATZ now"}, True),
    (["mimikatz"], {"deep": {"er": ["x", "mimikatz.exe"]}}, True),
    (["mimikatz"], {"message": "nothing"}, False),
    (["a", "b"], {"message": "only b"}, True),
    ({"|all": ["a1", "b1"]}, {"message": "a1", "other": "b1"}, True),  # each may stand in another value
    ({"|all": ["a1", "b1"]}, {"message": "a1"}, False),
    (["unit"], {"message": "x"}, False),  # event.dataset is our word, not the event's
    ([4625], {"n": 4625}, True),
    ({"|re": "mi.{1,3}katz"}, {"message": "mimikatz"}, True),
    (["a*z"], {"message": "xx a to z xx"}, True),
]


@pytest.mark.parametrize(("keywords", "event", "expected"), KEYWORDS)
def test_keywords(keywords: Any, event: dict[str, Any], expected: bool, tmp_path: Path) -> None:
    assert matches({"keywords": keywords, "condition": "keywords"}, event, tmp_path) is expected


def test_dotted_and_nested_fields_are_the_same(tmp_path: Path) -> None:
    detection = {"sel": {"source.ip": "10.0.0.1"}, "condition": "sel"}
    for event in ({"source": {"ip": "10.0.0.1"}}, {"source.ip": "10.0.0.1"}):
        assert matches(detection, event, tmp_path)


@pytest.mark.parametrize("value", ["\ud800", "a\x00b", "x" * 100_000, 1e308, -0.0, 10**400, {"deep": {}}, [[]], [{}]])
def test_strange_values_are_values(value: Any, tmp_path: Path) -> None:
    detection = {"sel": {"f|re": "x"}, "two": {"f": "x"}, "three": {"f|gt": 1}, "four": {"f|cidr": "10.0.0.0/8"},
                 "five": ["x"], "condition": "1 of them"}  # fmt: skip
    matches(detection, {"f": value}, tmp_path)
