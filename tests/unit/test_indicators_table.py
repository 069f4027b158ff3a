"""The mapped set against a slow twin, and what damaged files do."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlator.indicators.kinds import all_kinds
from correlator.indicators.kinds._plain import packed
from correlator.indicators.table import MAGIC, IndicatorTable, Row, write

NETS = st.one_of(
    st.builds(
        lambda a, b: str(ipaddress.ip_network((a << 24, b), strict=False)), st.integers(0, 3), st.integers(1, 31)
    ),
    st.builds(
        lambda a, b: str(ipaddress.ip_network((a, b), strict=False)), st.integers(0, 2**32 - 1), st.integers(1, 31)
    ),
    st.builds(
        lambda a, b: str(ipaddress.IPv6Network(((0x2A << 120) | (a << 60), b), strict=False)),
        st.integers(0, 255), st.integers(1, 127),
    ),
)  # fmt: skip


def made(folder: Path, rows: list[Row], sources: dict[int, str] | None = None) -> IndicatorTable:
    write(folder / "set", rows, sources or {}, 5.0)
    return IndicatorTable(folder / "set")


@settings(max_examples=60, deadline=None)
@given(st.lists(NETS, max_size=12), st.lists(st.integers(0, 2**32 - 1), max_size=8), st.data())
def test_networks_as_a_walk_over_all(tmp_path_factory: pytest.TempPathFactory, nets: list[str], ends: list[int],
                                     data: st.DataObject) -> None:  # fmt: skip
    table = made(tmp_path_factory.mktemp("set"), [Row("network", net) for net in nets])
    asked = [ipaddress.ip_address(number) for number in ends]
    for net in map(ipaddress.ip_network, nets):  # the borders, and one beyond each
        ends = [int(net[0]), int(net[-1]), max(0, int(net[0]) - 1), int(net[-1]) + 1]
        asked += [type(net[0])(number) for number in ends if number < 1 << net.max_prefixlen]
    for address in asked:
        around = [net for net in map(ipaddress.ip_network, nets) if net.version == address.version and address in net]
        narrowest = max(around, key=lambda net: net.prefixlen, default=None)
        found = table.find_address(address.packed)
        assert (found.value if found else None) == (str(narrowest) if narrowest else None), address


def test_a_network_that_ended_gives_way_to_the_wider_one(tmp_path: Path) -> None:
    rows = [Row("network", "45.0.0.0/8"), Row("network", "45.6.0.0/16", expires=100.0)]
    table = made(tmp_path, rows)
    for now, value in ((99.0, "45.6.0.0/16"), (100.0, "45.0.0.0/8")):
        found = table.find_address(packed("45.6.7.8") or b"", now)
        assert found is not None
        assert found.value == value


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=4).map(bytes.hex), min_size=1, max_size=300, unique=True))
def test_exact_values_are_found_and_no_others(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    kept, left = names[::2], names[1::2]
    table = made(tmp_path_factory.mktemp("set"), [Row("domain", f"{name}.example", 1) for name in kept], {1: "CERT"})
    kind = all_kinds()["domain"]
    for name in kept:
        found = table.find(kind, kind.key(f"{name}.example"), f"{name}.example")
        assert found is not None
        assert found.source == "CERT"
    assert not any(table.find(kind, kind.key(f"{name}.example"), "") for name in left)
    assert not any(table.find(all_kinds()["url"], kind.key(f"{name}.example"), "") for name in kept), "another kind"
    assert table.count == len(kept)


def test_of_one_value_from_several_sources_the_surest_then_the_longest(tmp_path: Path) -> None:
    rows = [
        Row("domain", "evil.example", 1, 40),
        Row("domain", "evil.example", 2, 90, "green", 50.0),
        Row("domain", "evil.example", 3, 90, "red", 70.0),
        Row("domain", "evil.example", 4),
    ]
    for order in (rows, rows[::-1]):
        table = made(tmp_path, order, {1: "a", 2: "b", 3: "c", 4: "d"})
        found = table.find(all_kinds()["domain"], b"evil.example", "evil.example")
        assert found is not None
        assert table.count == 1
        assert (found.source, found.confidence, found.tlp, found.expires) == ("c", 90, "red", 70)


def test_a_damaged_file_is_refused_wherever_it_is_damaged(tmp_path: Path) -> None:
    write(tmp_path / "set", [Row("domain", f"a{n}.example") for n in range(50)], {}, 0.0)
    good = (tmp_path / "set").read_bytes()
    for at in range(0, len(good), 37):
        (tmp_path / "set").write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        with pytest.raises(ValueError, match=r"not a set|damaged"):
            IndicatorTable(tmp_path / "set")
    for content in (b"", MAGIC, good[:-1], good[: len(good) // 2], b"x" * 100):
        (tmp_path / "set").write_bytes(content)
        with pytest.raises(ValueError, match=r"not a set|damaged|empty"):
            IndicatorTable(tmp_path / "set")
    with pytest.raises(ValueError, match="not readable"):
        IndicatorTable(tmp_path / "none")


def test_a_file_in_use_is_replaced_whole(tmp_path: Path) -> None:
    old = made(tmp_path, [Row("domain", "old.example")])
    new = made(tmp_path, [Row("domain", "new.example")])
    kind = all_kinds()["domain"]
    assert old.find(kind, b"old.example", "")
    assert not old.find(kind, b"new.example", "")
    assert new.find(kind, b"new.example", "")
    assert not new.find(kind, b"old.example", "")
    assert (tmp_path / "set").stat().st_mode & 0o777 == 0o640


def test_an_indicator_costs_33_bytes(tmp_path: Path) -> None:
    count = 20_000
    table = made(tmp_path, [Row("sha256", f"{n:064x}") for n in range(count)])
    assert 32 * count < table.bytes < 36 * count
