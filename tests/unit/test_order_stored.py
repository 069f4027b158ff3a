"""The stored key sorts as the key does, in both databases; lists of the inventory stand in it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from api.organisation.order import STORED, sort_key, stored_key
from api.state.base import Database
from api.state.inventory import Asset, System
from tests.servers.people_port import MINE, Browser, make_node

NAMES = ["Đèo Ngang", "Dịch vụ công", "Ấp Bắc", "An Giang", "Ăn uống", "Cổng 10", "Cổng 9", "Cổng 9a", "cổng 9", "Zalo",
         "Ơ", "O", "Ô", "Bạc Liêu", "Bắc Ninh", "Bà Rịa", "ba", "Ba", "bá", "bạ", "12", "2", "", " x", "日本", "𝒳", "ß",
         "x-1", "x1"]  # fmt: skip
LETTERS = st.text(alphabet="aăâbcdđeêghoôơuưxyAĐƠ 0129-.áàảãạếợữ日𝒳", max_size=20)


def test_known_names() -> None:
    assert sorted(NAMES, key=stored_key) == sorted(NAMES, key=sort_key)


@settings(max_examples=300, deadline=None)
@given(LETTERS, LETTERS)
def test_stored_order_is_the_order(one: str, other: str) -> None:
    mine, theirs = sort_key(one), sort_key(other)
    assert (stored_key(one) < stored_key(other)) == (mine < theirs)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=2_000))
def test_any_text_has_a_bounded_key(text: str) -> None:
    key = stored_key(text)
    assert len(key) <= STORED
    assert set(key) <= set("0123456789abcdef")


def test_lists_stand_in_vietnamese_order(tmp_path: Path) -> None:
    names = ["Đường bộ", "Dịch vụ công", "Ấp Bắc", "An Giang", "Cổng 10", "Cổng 9", "Ăn uống", "Zalo"]
    with make_node(tmp_path) as node:
        lead = Browser(node).link(node.add_user("lead", ("lead", MINE)))
        for name in names:
            lead.post("/systems", {"agency": MINE, "name": name, "kind": "portal"})
        shown, cursor = [], ""
        while True:
            page = lead.get("/systems", limit=3, cursor=cursor)
            shown += [row["name"] for row in page["items"]]
            cursor = page["next"] or ""
            if not cursor:
                break
        assert shown == ["An Giang", "Ăn uống", "Ấp Bắc", "Cổng 9", "Cổng 10", "Dịch vụ công", "Đường bộ", "Zalo"]
        assert [row["name"] for row in lead.get("/systems", sort="-name")["items"]] == shown[::-1]
        one = next(row for row in lead.get("/systems")["items"] if row["name"] == "Zalo")
        answer = lead.send(
            "PATCH", f"/systems/{one['id']}", {"name": "Âu thuyền"}, **{"If-Match": f'"{one["revision"]}"'}
        )
        assert answer.status_code == 200, answer.text
        assert [row["name"] for row in lead.get("/systems")["items"]][2:4] == ["Ấp Bắc", "Âu thuyền"]


def test_the_migration_fills_what_is_there(tmp_path: Path) -> None:
    from sqlalchemy import select

    from api.state.migrate import migrate
    from tests.servers.old_database import old_database

    old_database(tmp_path / "old.db", "0003")
    db = Database(tmp_path / "old.db")
    try:
        migrate(db)
        with db.read() as session:
            systems = session.scalars(select(System)).all()
            assert len(systems) >= 50
            for row in (*systems, *session.scalars(select(Asset))):
                name, key = (row.name, row.name_key) if isinstance(row, System) else (row.host, row.host_key)
                assert key == stored_key(name)
    finally:
        db.close()
