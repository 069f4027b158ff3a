"""Managing people over HTTP: within one's own rights and agencies, on record, at once; providers until a day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.permissions import Granted, may_give
from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, OTHER, PASSWORD, Browser, NodeUnderTest, make_node

DAY = 86_400.0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


@pytest.fixture
def lead(node: NodeUnderTest) -> Browser:
    return Browser(node).link(node.add_user("hoa", ("lead", MINE)))


def test_a_new_person_comes_in_by_the_link_that_is_shown_once(node: NodeUnderTest, lead: Browser) -> None:
    body = {"username": "Minh", "name": "Minh", "home": MINE, "grants": [{"role": "analyst", "agency": MINE}]}
    made = lead.post("/users", body)
    token = made["link"].rsplit("token=", 1)[1]
    minh = Browser(node)
    answer = minh.send("POST", "/session/link", {"token": token})
    assert answer.json()["grants"][0]["agency"] == MINE
    assert token not in str(lead.get(f"/users/{made['id']}"))
    assert lead.send("POST", "/users", body).status_code == 422  # the name is taken


def test_nothing_above_or_outside(node: NodeUnderTest, lead: Browser) -> None:
    lan = lead.post("/users", {"username": "lan", "home": MINE})["id"]
    for role, agency, status in (
        ("analyst", MINE, 201), ("analyst", OTHER, 422), ("analyst", None, 403), ("admin", MINE, 403),
        ("auditor", MINE, 403), ("national_lead", MINE, 403), ("nothing", MINE, 422), ("lead", MINE, 201),
    ):  # fmt: skip
        answer = lead.send("POST", f"/users/{lan}/grants", {"role": role, "agency": agency})
        assert answer.status_code == status, (role, agency, answer.text)


def test_nobody_acts_on_who_stands_above(node: NodeUnderTest, lead: Browser) -> None:
    boss = node.add_user("boss", ("lead", None), ("auditor", MINE))
    for act in ("disable", "link", "reset-factor"):
        assert lead.send("POST", f"/users/{boss}/{act}").json()["code"] == "LT-A0415"
    assert lead.send("DELETE", f"/users/{boss}/sessions").json()["code"] == "LT-A0415"
    assert lead.get(f"/users/{boss}")["sessions"] == []
    stranger = node.add_user("la", ("analyst", OTHER))
    for path in (f"/users/{stranger}", "/users/99999"):
        assert lead.send("GET", path).status_code == 404


def test_disabled_is_out_at_once_and_back_with_a_link(node: NodeUnderTest, lead: Browser) -> None:
    lan = node.add_user("lan", ("analyst", MINE), password=PASSWORD)
    browser = Browser(node).link(lan)
    assert lead.post(f"/users/{lan}/disable")["disabled"] is True
    assert browser.send("GET", "/session").status_code == 401
    assert lead.send("POST", f"/users/{lan}/link").status_code == 409
    lead.post(f"/users/{lan}/enable")
    assert browser.send("GET", "/session").status_code == 401  # what ended does not come back
    assert Browser(node).log_in("lan").status_code == 200


def test_a_role_given_and_taken_works_with_the_next_request(node: NodeUnderTest, lead: Browser) -> None:
    lan = node.add_user("lan", ("analyst", MINE))
    browser = Browser(node).link(lan)
    person = lead.post(f"/users/{lan}/grants", {"role": "lead", "agency": MINE})
    assert browser.send("GET", "/users").status_code == 200
    [grant] = [g["id"] for g in person["grants"] if g["role"] == "lead"]
    assert lead.send("DELETE", f"/users/{lan}/grants/{grant}").status_code == 204
    assert browser.send("GET", "/users").status_code == 403


def test_a_provider_is_bounded_ends_by_itself_and_is_seen(node: NodeUnderTest, lead: Browser) -> None:
    firm = lead.post("/users", {"username": "firm", "home": MINE})["id"]
    grant = {"role": "provider", "agency": MINE}
    assert lead.send("POST", f"/users/{firm}/grants", grant).status_code == 422
    for days in (-1, 400):
        wanted = grant | {"until": rfc3339(NOW + days * DAY)}
        assert lead.send("POST", f"/users/{firm}/grants", wanted).status_code == 422
    lead.post(f"/users/{firm}/grants", grant | {"until": rfc3339(NOW + 600)})
    browser = Browser(node).link(firm)
    assert browser.send("GET", "/alerts").status_code == 200
    with node.runtime.db.write() as session:
        from api.audit import Actor

        for agency in (MINE, OTHER):
            node.runtime.audit.record(session, Actor(f"user:{firm}", "firm"), "alert.close", "CB-1", agency=agency)
    node.clock.move(601)
    assert browser.send("GET", "/alerts").status_code == 403  # no job ran
    found = lead.get("/users/acts")["items"]
    assert [(act["act"], act["agency"]) for act in found] == [("alert.close", MINE)]


def test_who_manages_for_a_time_gives_no_longer_than_that(node: NodeUnderTest) -> None:
    chief = Browser(node).link(node.add_user("chief", ("lead", None)))
    deputy_id = node.add_user("deputy")
    chief.post(f"/users/{deputy_id}/grants", {"role": "lead", "agency": MINE, "until": rfc3339(NOW + 10 * DAY)})
    deputy = Browser(node).link(deputy_id)
    lan = deputy.post("/users", {"username": "lan", "home": MINE})["id"]
    for until, status in ((None, 403), (NOW + 11 * DAY, 403), (NOW + 9 * DAY, 201)):
        body = {"role": "analyst", "agency": MINE, "until": rfc3339(until) if until else None}
        assert deputy.send("POST", f"/users/{lan}/grants", body).status_code == status


def test_choices_are_what_the_server_would_take(node: NodeUnderTest, lead: Browser) -> None:
    offered = {choice["role"]: choice["agencies"] for choice in lead.get("/users/choices")["roles"]}
    assert offered == {"analyst": [MINE], "lead": [MINE], "provider": [MINE]}


def test_the_audit_filters_exports_and_tells_of_its_chain(node: NodeUnderTest) -> None:
    from api.jobs.audit import JOB

    auditor = Browser(node).link(node.add_user("an", ("auditor", None)))
    node.add_user("=cmd|calc", ("analyst", MINE))
    assert JOB.run(node.runtime) == ""
    page = auditor.get("/audit", act="user.grant", agency=MINE)
    assert {(entry["act"], entry["agency"]) for entry in page["items"]} == {("user.grant", MINE)}
    assert page["chain"]["ok"]
    assert page["chain"]["behind"] == 0
    text = auditor.send("GET", "/audit/export?act=user").text
    assert text.startswith("\ufeffseq,at,actor")
    assert text.count("\r\n") == auditor.get("/audit", act="user")["total"] + 1
    assert auditor.get("/audit/chain", whole=True)["ok"]
    with node.runtime.db.write() as session:
        from sqlalchemy import update

        from api.state.audit import AuditEntry

        session.execute(update(AuditEntry).where(AuditEntry.seq == 2).values(act="nothing"))
    assert auditor.get("/audit")["chain"]["ok"]  # before the mark: not walked at a look
    assert not auditor.get("/audit/chain", whole=True)["ok"]
    node.clock.move(25 * 3600)
    assert "entry 2 was changed" in JOB.run(node.runtime)  # the daily walk finds it, and it stays found
    auditor = Browser(node).link(1)
    assert not auditor.get("/audit")["chain"]["ok"]


APPOINTS = {  # who holds these → which roles they may give; the table of api/auth/README.md
    ("agency", "lead"): {"analyst", "lead", "provider"},
    ("agency", "admin"): {"admin"},
    ("agency", "lead", "admin"): {"admin", "analyst", "auditor", "lead", "provider"},
    ("national", "national_lead"): {"analyst", "auditor", "lead", "national_duty", "national_lead", "provider"},
    ("national", "national_lead", "admin"): {
        "admin", "analyst", "auditor", "lead", "national_duty", "national_lead", "provider"
    },
    ("agency", "auditor"): set(), ("agency", "provider"): set(), ("national", "national_duty"): set(),
}  # fmt: skip


@pytest.mark.parametrize("holder", APPOINTS, ids=" ".join)
def test_who_appoints_whom(tmp_path: Path, holder: tuple[str, ...]) -> None:
    kind, *roles = holder
    with make_node(tmp_path, role=kind) as node:
        browser = Browser(node).link(node.add_user("x", *((role, None) for role in roles)))
        answer = browser.send("GET", "/users/choices")
        assert answer.status_code == (200 if APPOINTS[holder] else 403)
        if APPOINTS[holder]:
            assert {choice["role"] for choice in answer.json()["roles"]} == APPOINTS[holder]


@pytest.mark.parametrize("kind", ["agency", "national"])
def test_the_first_person_of_a_new_node_appoints_everybody_else(tmp_path: Path, kind: str) -> None:
    """As `luytre up` makes it, with the policy as it is from the start: a factor first, then every role."""
    from api.local_port import ACTS
    from api.node.aside import _way_in
    from api.node.init import FIRST_USER, default_tables, make_node, opened
    from api.permissions import NATIONAL_ROLES, ROLES
    from sensors.config import Config

    tables = default_tables(tmp_path / "data", "so-y-te", "Sở Y tế", kind)
    config = Config(make_node(tables), environ={})
    with opened(config) as node:
        [first] = ACTS["user-list"](node, {})["users"]
    assert first["username"] == FIRST_USER
    assert [role for role, _, _ in first["grants"]] == ["national_lead" if kind == "national" else "lead", "admin"]
    held = [Granted(role, None) for role, _, _ in first["grants"]]
    wanted = set(ROLES) - (set() if kind == "national" else NATIONAL_ROLES)
    assert all(may_give(Granted(role, None, NOW if role == "provider" else None), held, {}) for role in wanted)
    said = "\n".join(_way_in(config))
    assert "/#/login?token=" in said
    assert "yếu tố xác thực" in said
    with opened(config) as node:
        ACTS["user-password"](node, {"username": FIRST_USER, "password": PASSWORD})
    said = "\n".join(_way_in(config))  # what `up` prints is kept in logs: no link for who has a way in
    assert "token=" not in said
    assert "luytre users link" in said
