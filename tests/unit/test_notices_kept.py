"""What notices keep and forget, and that the real detector's silence is told as a sensor's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.jobs.notices_clean import run
from api.notices import matters
from api.notices.forget import A_TIME, KEPT_S, UNMADE_COVER_S
from api.state.notices import Cover, Matter, Notice, Sending, Team, Told
from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.pipeline import Pipeline
from sensors.clock import rfc3339
from sensors.event import new_event, put
from tests.servers.people_port import MINE, NOW, NodeUnderTest, hit, make_node

ROOT = Path(__file__).parents[2]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        made.casework._policy = matters.policy_of(None)
        yield made


def test_a_sensor_that_falls_silent_is_told_of_by_its_own_detector(node: NodeUnderTest) -> None:
    detector = found_detectors()["silence"]
    assert detector.id == matters.SILENCE
    [example] = [one for one in detector.examples if one.name == "a sensor stops"]
    pipeline = Pipeline(Engine.load([ROOT / "rules" / "pipelines"]), {"silence": detector})
    for number, (second, fields) in enumerate(example.events):
        at = NOW + second
        sent = new_event("luytre.heartbeat", at, {"event.id": f"b{number}", "event.ingested": rfc3339(at)})
        for path, value in {**fields, "organization.id": MINE}.items():
            put(sent, path, value)
        pipeline.feed([sent])
    hits = [one for second in example.ticks for one in pipeline.tick(NOW + second)]
    assert len(hits) == 1
    node.store([*hits, hit(1, level="medium")], "hits")  # another alert of its level waits in the queue, untold
    node.fold()
    with node.runtime.db.read() as session:
        [told] = session.scalars(select(Matter)).all()
    assert (told.kind, told.agency, told.level) == ("sensor", MINE, "medium")


def put_notice(node: NodeUnderTest, number: int, at: float, *, state: str = "sent", due: float | None = None) -> None:
    with node.runtime.db.write() as session:
        matter = Matter(key=f"k{number}", at=at, kind="alert", agency=MINE, ref="CB-1", level="high",
                        title={"vi": "x", "en": "x"}, link="#/", routed_at=at)  # fmt: skip
        session.add(matter)
        session.flush()
        notice = Notice(agency=MINE, at=at, due_at=due, level="high", count=1, first_id=matter.id)
        session.add(notice)
        session.flush()
        session.add(Told(notice_id=notice.id, matter_id=matter.id))
        session.add(Sending(uid=f"u{number}", notice_id=notice.id, agency=MINE, why="route", state=state, made_at=at,
                            next_at=at))  # fmt: skip


def count(node: NodeUnderTest) -> list[int]:
    with node.runtime.db.read() as session:
        return [session.scalar(select(func.count()).select_from(kind)) or 0 for kind in (Matter, Notice, Told, Sending)]


def test_after_a_year_what_was_told_goes_and_what_still_waits_stays(node: NodeUnderTest) -> None:
    put_notice(node, 1, NOW - KEPT_S - 1)
    put_notice(node, 2, NOW - KEPT_S + 1)  # younger
    put_notice(node, 3, NOW - KEPT_S - 1, state="waiting")
    put_notice(node, 4, NOW - KEPT_S - 1, due=NOW)  # not told yet
    assert run(node.runtime) == "1 sendings, 1 told, 1 notices, 1 matters"
    assert count(node) == [3, 3, 3, 3]
    assert run(node.runtime) == ""


def test_a_matter_that_a_younger_notice_tells_of_stays(node: NodeUnderTest) -> None:
    put_notice(node, 1, NOW - KEPT_S - 1)
    put_notice(node, 2, NOW)
    with node.runtime.db.write() as session:
        old, young = session.scalars(select(Notice).order_by(Notice.id)).all()
        session.add(Told(notice_id=young.id, matter_id=old.first_id))
    run(node.runtime)
    assert count(node) == [2, 1, 2, 1]


def test_a_long_backlog_goes_in_short_transactions(node: NodeUnderTest) -> None:
    for number in range(A_TIME + 5):
        put_notice(node, number, NOW - KEPT_S - 1)
    run(node.runtime)
    assert count(node) == [0, 0, 0, 0]


def test_covers_that_were_never_agreed_lapse_sooner(node: NodeUnderTest) -> None:
    lead = node.add_user("lead", ("lead", MINE))
    with node.runtime.db.write() as session:
        team = Team(agency=MINE, name="Tổ", lead_id=lead, members=[], created_at=NOW)
        session.add(team)
        session.flush()
        for state, end in (
            ("asked", NOW - UNMADE_COVER_S - 1), ("asked", NOW), ("agreed", NOW - UNMADE_COVER_S - 1),
            ("agreed", NOW - KEPT_S - 1),
        ):  # fmt: skip
            session.add(Cover(team_id=team.id, user_id=lead, start=end - 3600, end=end, state=state, asked_by=lead,
                              made_at=end))  # fmt: skip
    assert run(node.runtime) == "2 covers"
    with node.runtime.db.read() as session:
        assert session.scalars(select(Cover.state).order_by(Cover.id)).all() == ["asked", "agreed"]
