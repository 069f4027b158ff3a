"""The register of units: what ships, Vietnamese order, old names, changes with their day."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.casework.errors import Invalid
from api.organisation import changes, register, units
from api.organisation.changes import Change
from api.organisation.order import sort_key
from api.state.base import Database
from api.state.migrate import migrate

# Sorted by ICU's own vi collation.
IN_ORDER = ["An", "Ăn", "Ấn", "Âu", "Cà Mau", "Cao Bằng", "Cần Thơ", "Củ Chi", "Dak Lak", "Đà Nẵng", "Đồng Nai", "Nga",
            "Ngà", "Ngả", "Ngã", "Ngá", "Ngạ"]  # fmt: skip
DAY = "2026-11-22"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "luytre.db")
    migrate(found)
    with found.write() as session:
        register.take_in(session, *units.starter())
    yield found
    found.close()


def test_vietnamese_order() -> None:
    mixed = IN_ORDER[:]
    random.Random(7).shuffle(mixed)
    assert sorted(mixed, key=sort_key) == IN_ORDER
    assert sorted(["Phường 10", "Phường 2", "phường 2"], key=sort_key) == ["phường 2", "Phường 2", "Phường 10"]
    assert sorted(["ơ", "ô", "o", "ư", "u", "ê", "e"], key=sort_key) == ["e", "ê", "o", "ô", "ơ", "u", "ư"]


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_a_place(a: str, b: str) -> None:
    assert (sort_key(a) < sort_key(b)) + (sort_key(b) < sort_key(a)) + (sort_key(a) == sort_key(b)) == 1


def test_what_ships_is_whole() -> None:
    rows, events = units.starter()
    assert units.check(rows) == []
    now = [row for row in rows if row.holds(DAY)]
    assert Counter(row.kind for row in now) == {
        "ministry": 14, "ministry_rank": 3, "city": 9, "province": 25, "special_zone": 2,
    }  # fmt: skip
    before = [row for row in rows if row.holds("2025-06-30") and row.kind in ("city", "province")]
    assert len(before) == 63
    assert all(row.source and row.code.isascii() for row in rows)
    parents = {row.code: row.parent for row in now}
    assert (parents["hoang-sa"], parents["truong-sa"]) == ("da-nang", "khanh-hoa")
    known = {row.code for row in rows}
    assert all({*event.before, *event.after} <= known for event in events)
    [split] = [event for event in events if event.kind == "split"]
    assert len(split.after) == 3


def test_importing_again_changes_nothing(db: Database) -> None:
    with db.write() as session:
        assert register.take_in(session, *units.starter()) == {"units": 0, "rows": 0, "events": 0}


@pytest.mark.parametrize(
    ("words", "first"),
    [("bac giang", "Bắc Ninh"), ("Bắc Giang", "Bắc Ninh"), ("VŨNG TÀU", "Thành phố Hồ Chí Minh"),
     ("da nang", "Đà Nẵng"),
     ("truyen thong", "Bộ Công an"), ("ho chi minh", "Thành phố Hồ Chí Minh"), ("hoang sa", "Hoàng Sa")],
)  # fmt: skip
def test_old_names_and_missing_diacritics_find(db: Database, words: str, first: str) -> None:
    with db.read() as session:
        found = register.search(session, words, DAY, register.read(session))
    assert found[0].name == first


def test_as_of_a_day(db: Database) -> None:
    with db.read() as session:
        whole = register.read(session)
    assert whole.at("2025-06-30")["bac-giang"].name == "Bắc Giang"
    assert "bac-giang" not in whole.at(DAY)
    assert (whole.at("2025-12-31")["bac-ninh"].kind, whole.at(DAY)["bac-ninh"].kind) == ("province", "city")
    assert whole.former("bac-ninh", DAY) == ["Bắc Giang"]
    assert whole.former("bo-cong-an", DAY) == []  # it got tasks of a ministry that was split, not its name
    assert whole.name("bac-giang", "2026-01-01") == "Bắc Giang"
    assert whole.former("ho-chi-minh", DAY) == ["Bà Rịa - Vũng Tàu", "Bình Dương"]
    names = [row.name for row in whole.at(DAY).values()]
    assert names.index("Cà Mau") < names.index("Cao Bằng") < names.index("Cần Thơ") < names.index("Đà Nẵng")


def test_changes_keep_what_was(db: Database) -> None:
    with db.write() as session:
        changes.apply(
            session, Change("created", "2027-01-01", "QĐ 1", code="xa-a", name="Xã A", kind="commune", parent="hue")
        )
        changes.apply(
            session, Change("created", "2027-01-01", "QĐ 1", code="xa-b", name="Xã B", kind="commune", parent="hue")
        )
        changes.apply(session, Change("renamed", "2027-02-01", "QĐ 2", ("xa-a",), name="Xã An"))
        changes.apply(session, Change("moved", "2027-03-01", "QĐ 3", ("xa-b",), parent="quang-tri"))
        merged = Change("merged", "2027-04-01", "QĐ 4", ("xa-a", "xa-b"), (), "phuong-c", "Phường C", "ward", "hue")
        changes.apply(session, merged)
        changes.apply(session, Change("merged", "2027-05-01", "QĐ 5", ("quang-tri", "hue"), into=("hue",)))
    with db.read() as session:
        whole = register.read(session)
        assert register.search(session, "xa a", "2027-06-01", whole)[0].name == "Phường C"
    assert whole.at("2027-01-15")["xa-a"].name == "Xã A"
    assert whole.at("2027-02-15")["xa-a"].name == "Xã An"
    assert whole.at("2027-03-15")["xa-b"].parent == "quang-tri"
    assert "xa-a" not in whole.at("2027-04-01")
    assert "quang-tri" not in whole.at("2027-05-01")
    assert units.check(whole.rows) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change("renamed", "2027-01-01", "x", ("khong-co",), name="X"), "there is no unit"),
        (Change("created", "2027-01-01", "x", code="hue", name="X", kind="city"), "exists"),
        (Change("created", "2027-01-01", "x", code="y", name="X", kind="ward", parent="z"), "no parent"),
        (Change("moved", "2027-01-01", "x", ("da-nang",), parent="hoang-sa"), "below itself"),
        (Change("ended", "2027-01-01", "x", ("da-nang",)), "still has units"),
        (Change("renamed", "2025-07-01", "x", ("da-nang",), name="X"), "has changed"),
        (Change("split", "2027-01-01", "x", ("hue",)), "split into"),
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_is_refused_whole(db: Database, change: Change, said: str) -> None:
    with pytest.raises(Invalid, match=said), db.write() as session:
        changes.apply(session, change)
    with db.write() as session:
        assert register.take_in(session, *units.starter())["rows"] == 0


def test_a_bad_file_names_each_line() -> None:
    text = "kind;name;code;parent;valid_from;valid_to;source\nward;;xa-1;;2025-13-01;;x\nhamlet;Xã;XÃ 2;;;;x\n"
    rows, wrong = units.read_units("\ufeff" + text)
    assert rows == []
    assert {one.line for one in wrong} == {2, 3}
    assert len(wrong) == 4
    assert units.read_units("a,b\n")[1][0].en.startswith("columns are missing")


def test_a_cell_is_no_formula_and_comes_back() -> None:
    row = units.UnitRow("ward", "=1+1", "xa-1", None, "2025-07-01", None, "-x")
    text = units.written([row])
    assert "'=1+1" in text
    assert units.read_units(text) == ([row], [])


def test_three_thousand_communes(db: Database) -> None:
    rows = [units.UnitRow("commune", f"Xã {n}", f"xa-{n}", "nghe-an", "2025-07-01", None, "x") for n in range(3321)]
    with db.write() as session:
        assert register.take_in(session, rows)["rows"] == 3321
    with db.read() as session:
        assert len(register.read(session).below("nghe-an", DAY)) == 3322


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (units.read_units, units.read_events):
        read("kind,name,code,parent,valid_from,valid_to,source,at,before,after\n" + text)
        read(text)


def test_the_command_imports_exports_and_names_each_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from api.node import organisation
    from api.node.init import default_tables, make_node
    from sensors.errors import LuytreError

    path = make_node(default_tables(tmp_path / "data", "quoc-gia", "Trung tâm", "national"))
    folder = Path(units.__file__).parent
    organisation.import_units(folder / "starter.csv", folder / "events.csv", path)
    communes = tmp_path / "xa.csv"
    lines = "".join(f"commune;Xã {n};xa-{n};nghe-an;2025-07-01;;x\n" for n in range(250))
    communes.write_text("kind;name;code;parent;valid_from;valid_to;source\n" + lines, "utf-8")
    organisation.import_units(communes, None, path)
    capsys.readouterr()
    organisation.export(path)
    rows, wrong = units.read_units(capsys.readouterr().out)
    assert wrong == []
    assert len(rows) == len(units.starter()[0]) + 250
    communes.write_text("kind,name,code,parent,valid_from\nward,X,x-1,khong-co,2030\nhamlet,X,x-2,,\n", "utf-8")
    with pytest.raises(LuytreError) as error:
        organisation.check(communes, None, path)
    assert [problem.place.line for problem in error.value.problems if problem.place] == [3]
