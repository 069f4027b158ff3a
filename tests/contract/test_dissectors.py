"""What every dissector promises the moment its file exists: examples, truncation, rubbish, declared fields, bounds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import fields as table
from sensors.event import encode, flatten, get, new_event
from sensors.protocols import Context, Dissector, Example, Record, Stop, Switch, load

DISSECTORS = list(load().items())
EXAMPLES = [
    pytest.param(dissector, example, id=f"{name}-{number}")
    for name, dissector in DISSECTORS
    for number, example in enumerate(dissector.examples)
]
each_dissector = pytest.mark.parametrize("dissector", [pytest.param(d, id=n) for n, d in DISSECTORS])
each_example = pytest.mark.parametrize(("dissector", "example"), EXAMPLES)


def play(dissector: Dissector, transport: str, port: int, pieces: Iterable[tuple[bool, bytes]]) -> list[Record]:
    session = dissector.make(Context(transport, 40000, port))  # type: ignore[arg-type]
    records: list[Record] = []
    for forward, data in pieces:
        findings = session.feed(forward, data, 1000)
        assert all(isinstance(f, Record | Switch | Stop) for f in findings)
        records += [f for f in findings if isinstance(f, Record)]
        if any(not isinstance(f, Record) for f in findings):
            return records
    records += [f for f in session.end(9999) if isinstance(f, Record)]
    return records


def check(dissector: Dissector, records: Sequence[Record]) -> None:
    known = table.table(dissector.fields)
    for record in records:
        event = new_event(f"network.{record.dataset}", record.time_ns / 1e9, record.fields)
        json.loads(encode(event))
        for path, _ in flatten(event):
            if path.startswith("luytre."):
                assert path in known, f"{dissector.name} does not declare {path}"


@each_dissector
def test_has_examples_and_a_name(dissector: Dissector) -> None:
    assert dissector.examples
    assert dissector.name.isalnum()
    table.table(dissector.fields)


@each_example
def test_example_gives_its_fields(dissector: Dissector, example: Example) -> None:
    records = play(dissector, example.transport, example.server_port, example.pieces)
    check(dissector, records)
    events = [new_event(f"network.{r.dataset}", 0.0, r.fields) for r in records]
    assert any(all(get(event, path) == value for path, value in example.expect.items()) for event in events), events


@each_example
def test_example_is_recognised_or_on_its_port(dissector: Dissector, example: Example) -> None:
    answers = [dissector.probe(data, forward) for forward, data in example.pieces]
    assert True in answers or (None in answers and example.server_port in dissector.ports)


@each_example
def test_no_other_dissector_claims_the_first_bytes(dissector: Dissector, example: Example) -> None:
    forward, data = example.pieces[0]
    others = [d for _, d in DISSECTORS if d is not dissector and example.transport in d.transport]
    assert not [other.name for other in others if other.probe(data, forward) is True]


@each_example
def test_byte_by_byte_gives_the_same(dissector: Dissector, example: Example) -> None:
    if example.transport == "udp":
        return
    whole = play(dissector, "tcp", example.server_port, example.pieces)
    bytewise = [(forward, data[i : i + 1]) for forward, data in example.pieces for i in range(len(data))]
    assert [r.fields for r in play(dissector, "tcp", example.server_port, bytewise)] == [r.fields for r in whole]


@each_example
def test_truncated_at_every_byte_is_a_value(dissector: Dissector, example: Example) -> None:
    for number, (forward, data) in enumerate(example.pieces):
        for cut in range(len(data)):
            pieces = [*example.pieces[:number], (forward, data[:cut]), *example.pieces[number + 1 :]]
            check(dissector, play(dissector, example.transport, example.server_port, pieces))
            dissector.probe(data[:cut], forward)


@each_example
def test_gaps_anywhere_are_survived(dissector: Dissector, example: Example) -> None:
    for hole in range(len(example.pieces) + 1):
        session = dissector.make(Context(example.transport, 40000, example.server_port))
        out: list[object] = []
        for number, (forward, data) in enumerate(example.pieces):
            if number == hole:
                out += session.gap(forward, len(data), 1)
            else:
                out += session.feed(forward, data, 1)
        out += session.end(2)


@each_dissector
@given(pieces=st.lists(st.tuples(st.booleans(), st.binary(max_size=400)), max_size=6), udp=st.booleans())
@settings(max_examples=120, deadline=None)
def test_any_bytes_are_a_value(dissector: Dissector, pieces: list[tuple[bool, bytes]], udp: bool) -> None:
    transport = "udp" if udp and "udp" in dissector.transport else next(iter(dissector.transport))
    check(dissector, play(dissector, transport, next(iter(dissector.ports)), pieces))
    for forward, data in pieces:
        assert dissector.probe(data, forward) in (True, False, None)


@each_dissector
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 12))
@settings(max_examples=120, deadline=None)
def test_mutated_examples_are_a_value(dissector: Dissector, seed: int, flips: int) -> None:
    dice = random.Random(seed)
    example = dice.choice(list(dissector.examples))
    pieces = []
    for forward, data in example.pieces:
        changed = bytearray(data)
        for _ in range(flips):
            if changed:
                changed[dice.randrange(len(changed))] = dice.choice((0, 0xFF, 0x7F, 0xC0, dice.randrange(256)))
        pieces.append((forward, bytes(changed)))
    check(dissector, play(dissector, example.transport, example.server_port, pieces))


@each_dissector
def test_endless_input_keeps_little(dissector: Dissector) -> None:
    """16 MiB of the same byte, of newlines, of an example's first half: state must not grow with it."""
    import tracemalloc

    if "tcp" not in dissector.transport:
        return
    start = dissector.examples[0].pieces[0][1]
    for filler in (b"A" * 65536, b"\n" * 65536, b"a: b\r\n" * 10000, start[: len(start) // 2] * 600):
        session = dissector.make(Context("tcp", 40000, next(iter(dissector.ports))))
        session.feed(True, start[: len(start) // 2], 0)
        tracemalloc.start()
        for _ in range(64):
            if any(isinstance(f, Stop) for f in session.feed(True, filler, 1)):
                break
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert used < 4 << 20, (dissector.name, filler[:8], used)
