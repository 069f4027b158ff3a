"""What a plan learns from events, and what it is bounded by."""

from __future__ import annotations

from typing import Any

import pytest

from correlator.engine import Engine, Rule
from correlator.engine.conditions import AllOf, AnyOf, Condition, Is
from correlator.engine.fast import batch, memo
from correlator.engine.fast.learn import FIRST_LIMIT, SAMPLE_ROWS
from correlator.engine.fast.memo import Budget
from correlator.engine.fast.plan import Plan
from correlator.engine.fast.rows import SHORT_CHARS
from correlator.engine.fast.shared import Shared
from correlator.engine.rule import About, LogSource
from correlator.engine.sources import Source
from correlator.engine.values import MANY, Text
from sensors.event import encode

SOURCE = Source("s", (("kind", frozenset("k")),), LogSource("p"), {"program": ("x.program",), "line": ("x.line",)})
ENDS = Text((MANY, "\\a-program-that-a-guess-by-length-takes-for-rare.exe"))
WORDS = [Is("line", Text((MANY, f"word {n}", MANY))) for n in range(30)]
PROGRAM = "c:\\a-program-that-a-guess-by-length-takes-for-rare.exe"


def plan(condition: Condition) -> Plan:
    shared = Shared(Budget(1_000_000))
    rule = Rule(About("r", "", "", "low"), LogSource("p"), condition)
    return Plan([shared.candidate(rule, SOURCE, shared.prepared(rule))], shared)


def values(made: Plan, **found: str) -> list[Any]:
    return made.flat_values({f"x.{name}": value for name, value in found.items()})


def test_a_rule_asked_in_vain_too_often_is_filed_under_what_is_met_less() -> None:
    made = plan(AllOf((Is("program", ENDS), AnyOf(tuple(WORDS)))))
    asked = 0
    for number in range(FIRST_LIMIT + SAMPLE_ROWS + 1):
        made.renew()
        given = values(made, program=PROGRAM, line=f"another {number}")
        candidates = made.candidates(given)
        asked += len(candidates)
        assert made.held(candidates, given)[0] == []
    assert asked == FIRST_LIMIT + SAMPLE_ROWS - 1
    assert made.candidates(given) == ()
    given = values(made, program=PROGRAM, line="that word 7 is here")
    assert [one.rule.id for one in made.held(made.candidates(given), given)[0]] == ["r"]


def test_a_rule_that_holds_is_not_asked_in_vain() -> None:
    made = plan(AllOf((Is("program", ENDS), AnyOf(tuple(WORDS)))))
    for _ in range(2 * FIRST_LIMIT):
        made.renew()
        given = values(made, program=PROGRAM, line="word 7")
        assert len(made.held(made.candidates(given), given)[0]) == 1
    assert made.candidates(values(made, program=PROGRAM, line="another")) == (0,)


def test_a_long_text_is_searched_once_for_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(AllOf((Is("program", ENDS), AnyOf(tuple(WORDS)))))
    passes: list[int] = []
    met = made.met

    def counted(at: int, value: Any) -> frozenset[int]:
        passes.append(len(value))
        return met(at, value)

    monkeypatch.setattr(made, "met", counted)
    given = values(made, program=PROGRAM, line="x" * SHORT_CHARS + " word 7")
    assert len(made.held(made.candidates(given), given)[0]) == 1
    assert passes == [SHORT_CHARS + 7]


def test_a_value_that_comes_once_is_not_remembered() -> None:
    rule = Rule(About("r", "", "", "low"), LogSource("p"), Is("line", Text((MANY, "word", MANY))))
    made = Engine([rule], (), (SOURCE,))

    def entries(*lines: str) -> int:
        made.match_lines([encode({"kind": "k", "x": {"line": line}}) for line in lines])
        return made.remembered()["entries"]

    entries("0", "0")
    before = entries("1")
    assert entries(*(f"new {n}" for n in range(100))) == before
    assert entries("new 1", "new 2") == before + 2


def test_what_came_before_is_kept_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "SEEN_LIMIT", 3)
    budget = Budget(1_000)
    assert [budget.met(key) for key in ("a", "b", "c", "a", "d", "a", "a")] == [False, False, False, True, False, False,
                                                                              True]  # fmt: skip


def test_memory_of_what_is_gone_is_free_again() -> None:
    budget = Budget(10_000)
    found: memo.Memo[int] = memo.Memo(budget)
    for number in range(20):
        found.put(f"value {number}", number)
    assert budget.used_bytes > 0
    del found
    assert budget.used_bytes == 0


def test_chunks_are_all_the_lines_in_order_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_LINES", 3)
    monkeypatch.setattr(batch, "CHUNK_BYTES", 10)
    lines = [b"x" * size for size in (1, 2, 3, 4, 20, 1, 1, 1, 1)]
    found = [list(chunk) for chunk in batch.chunks(lines)]
    assert [line for chunk in found for line in chunk] == lines
    assert [len(chunk) for chunk in found] == [3, 2, 3, 1]
    assert list(batch.chunks([])) == []


def test_rules_of_a_log_source_that_comes_later_are_looked_for_too() -> None:
    """Plans share a matcher by the field's name; what a second log source's rules ask is not in the first one."""
    sources = [
        Source(kind, (("kind", frozenset({kind})),), LogSource("p", kind), {"line": ("x.line",)}) for kind in "ab"
    ]
    rules = [Rule(About(kind, "", "", "low"), LogSource("p", kind), Is("line", Text((MANY, f"word {kind}", MANY))))
             for kind in "ab"]  # fmt: skip
    made = Engine(rules, (), sources)
    for kind in "aabbaabb":
        (found,) = made.match_lines([encode({"kind": kind, "x": {"line": f"some word {kind} or other"}})])
        assert [match.rule.id for match in found] == [kind]
