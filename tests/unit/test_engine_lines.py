"""Lines read column by column: what must be seen before, and what is no event."""

from __future__ import annotations

from typing import Any

import pytest

from correlator.engine import Engine, Rule
from correlator.engine.conditions import MISSING, Is
from correlator.engine.fast.lines import ODD, WORD, line_reader, look
from correlator.engine.fast.reach import Column
from correlator.engine.rule import About, LogSource
from correlator.engine.sources import Source
from correlator.engine.values import Text

SOURCE = Source("s", (("kind", frozenset("k")),), LogSource("p"), {"f": ("x.f",), "EventID": ("x.id",)})


def engine(*rules: str) -> Engine:
    """A rule a text: `f` holds it."""
    return Engine([Rule(About(text, "", "", "low"), LogSource("p"), Is("f", Text((text,)))) for text in rules],
                  (), (SOURCE,))  # fmt: skip


def ids(made: Engine, line: bytes) -> list[str]:
    return [match.rule.id for match in made.match_lines([line])[0]]


@pytest.mark.parametrize(
    ("line", "odd"),
    [
        (b'{"a":"b.c","d":"e\\\\f.exe","g":1}', False),
        (b'{"a":"C:\\\\x.y\\\\","b":[".", {"c":"d."}]}', False),
        (b'{"a.b":1}', True),
        (b'{"a" : {"b.c" :1}}', True),
        (b'{"a":[{"b.c"\n:1}]}', True),
        (b'{"a\\u002eb":1}', True),
        (b'{"a.b\\"c":1}', True),
        (b'{"a\\"b.c\\"d":1}', True),
        (b'{"a.b\\\\":1}', True),
        (b'{".":1}', True),
        ('{"tên.đơn vị":1}'.encode(), True),
        ('{"tên":"đơn vị."}'.encode(), False),
    ],
)
def test_keys_that_only_flattening_understands_are_seen(line: bytes, odd: bool) -> None:
    pytest.importorskip("hyperscan")
    made = look([b"mimikatz"])
    assert made is not None
    assert made(line) == (ODD if odd else 0)
    assert made(line[:-1] + b',"w":"MimiKatz"}') == (ODD if odd else 0) | WORD


def test_columns_of_a_line() -> None:
    read = line_reader([Column(("x.f", "y", "f"), 1, None, False), Column(("x.t",), 1, {"a": "b"}, False),
                        Column(("kind",), 1, None, False, single=True, text=True)])  # fmt: skip
    assert read is not None
    assert read(b'{"x":{"f":null,"g":{"f":1}},"f":2}') == (None, MISSING, MISSING)
    assert read(b'{"x":{"t":"a"},"f":2,"kind":[true]}') == (2, "b", "true")
    assert read(b'{"y":[1],"kind":[1,2],"kind":["k"]}') == ([1], MISSING, "k")
    assert line_reader([Column(("x",), 1, None, False), Column(("x.f",), 1, None, False)]) is None


@pytest.mark.parametrize("rest", [b'"\xff"', b'"\xed\xa0\x80"', b"1e999", b"9" * 5000, b"[", b'"\\ud800"', b"01"])
def test_what_is_no_event_has_no_matches_though_all_columns_can_be_read(rest: bytes) -> None:
    made = engine("v", "w")
    good = b'{"kind":"k","x":{"f":"v"},"rest":1}'
    assert [ids(made, good) for _ in range(3)] == [["v"]] * 3
    assert ids(made, good.replace(b"1}", rest + b"}")) == []
    assert ids(made, good) == ["v"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"kind":"k","x":{"f":"w"}}', ["w"]),
        (b'{"kind":"k","x":{"f":"v"},"x.f":"w"}', ["w"]),
        (b'{"kind":"k","x":{"f":"v"},"x\\u002ef":"w"}', ["w"]),
        (b'{"kind":"k","x":{"f":"v"},"x":{"f":"w"}}', ["w"]),
        (b'{"kind":"k","x":[{"f":"v"},{"f":"w"}]}', ["v", "w"]),
        (b'{"kind":"k","x":"v"}', []),
        (b'{"kind":"k","x":null,"f":"v"}', ["v"]),
        (b'{"kind":true,"x":{"f":"v"}}', []),
        (b'{"kind":["k"],"x":{"f":["v","w"]}}', ["v", "w"]),
    ],
)
def test_odd_lines_mean_what_they_mean_decoded(line: bytes, expected: list[Any]) -> None:
    made = engine("v", "w")
    for _ in range(3):
        assert ids(made, b'{"kind":"k","x":{"f":"v"}}') == ["v"]
        assert ids(made, line) == expected


def test_one_and_true_are_not_one_head() -> None:
    rules = [Rule(About(one, "", "", "low"), LogSource("p"), Is("EventID", Text((one,)))) for one in ("1", "true")]
    made = Engine(rules, (), (SOURCE,))
    for _ in range(3):
        assert ids(made, b'{"kind":"k","x":{"id":1}}') == ["1"]
        assert ids(made, b'{"kind":"k","x":{"id":true}}') == ["true"]
        assert ids(made, b'{"kind":"k","x":{"id":1.0}}') == ["1"]
