"""The live stream against the twin of the scope: a screen hears of what its person may see, nothing else, and nothing
more a second after a grant was withdrawn or ended while the stream was open. Whatever the tree and the grants.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from api.auth import sessions, users
from api.auth.sessions import Access
from api.casework.changes import changed
from api.live import RECHECK_S, TOPICS, Batch, Live
from api.permissions import BOUNDED_ROLES, ROLES
from api.state.people import Agency, Grant
from tests.servers.many_agencies import CODES, Held, Twin
from tests.servers.people_port import NodeUnderTest, make_node

GUARD = "canh-gac"  # an agency where the person may always see alerts: its rows say how far the stream has come
DAY = 86_400.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path_factory.mktemp("stream"), role="national") as made:
        with made.runtime.db.write() as session:
            for code in (*CODES[2:], GUARD):
                users.ensure_agency(session, code, code, made.clock.now())
        yield made


@st.composite
def grants(draw: st.DrawFn) -> Held:
    role = draw(st.sampled_from(sorted(ROLES)))
    agency = draw(st.sampled_from((*CODES, None) if role not in BOUNDED_ROLES else CODES))
    ends = st.sampled_from((-1.0, 0.0, 30.0, DAY))
    return Held(role, agency, draw(ends if role in BOUNDED_ROLES else st.none() | ends))


@settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    parents=st.tuples(*(st.sampled_from((None, *CODES[:number])) for number in range(len(CODES)))),
    held=st.lists(grants(), max_size=4),
    kept=st.sets(st.integers(0, 3)),
    passes_s=st.sampled_from((RECHECK_S, 60.0)),
)
def test_a_screen_hears_what_its_person_may_see(
    node: NodeUnderTest, parents: tuple[str | None, ...], held: list[Held], kept: set[int], passes_s: float
) -> None:
    tree = dict(zip(CODES, parents, strict=True))
    person = _person(node, tree, held)
    left = [one for number, one in enumerate(held) if number in kept]

    async def run() -> None:
        live = Live(node.runtime.db, node.runtime.bell)
        await live.start()
        stream = live.follow(_access(node, person), lambda: _access(node, person), None, node.clock.monotonic)
        first = asyncio.create_task(_until_guard(stream))
        while not live.screens:  # noqa: ASYNC110  # the generator has taken its place at its first step
            await asyncio.sleep(0)
        await asyncio.to_thread(_everything, node)
        assert await first == _twin(node, tree, held, 0.0)
        second = asyncio.create_task(_until_guard(stream))
        await asyncio.to_thread(_withdraw, node, person, left)
        node.clock.move(passes_s)
        await asyncio.to_thread(_everything, node)
        assert await second == _twin(node, tree, left, passes_s)
        await live.close()

    asyncio.run(run())


def test_who_is_disabled_hears_nothing_more(node: NodeUnderTest) -> None:
    person = _person(node, {}, [Held("lead", None, None)])

    async def run() -> None:
        live = Live(node.runtime.db, node.runtime.bell)
        await live.start()
        gone: list[Access | None] = []
        stream = live.follow(_access(node, person), lambda: gone[0], None, node.clock.monotonic)
        task = asyncio.create_task(_all(stream))
        while not live.screens:  # noqa: ASYNC110
            await asyncio.sleep(0)
        gone.append(None)
        node.clock.move(RECHECK_S)
        await asyncio.to_thread(_everything, node)
        async with asyncio.timeout(30):
            assert await task == []  # and the stream has ended
        await live.close()

    asyncio.run(run())


def _person(node: NodeUnderTest, tree: dict[str, str | None], held: list[Held]) -> int:
    now = node.clock.now()
    with node.runtime.db.write() as session:
        for code, parent in tree.items():
            session.get_one(Agency, code).parent = parent
        number = len(session.scalars(select(Grant.id)).all()) + int(now)
    person = node.add_user(f"person-{number}-{now}")
    _withdraw(node, person, held)
    return person


def _withdraw(node: NodeUnderTest, person: int, left: list[Held]) -> None:
    """What is left; an end counts from when it was given, so it is written once."""
    with node.runtime.db.write() as session:
        known = {(row.role, row.agency): row.until for row in session.scalars(_of(person))}
        session.execute(delete(Grant).where(Grant.user_id == person))
        session.add(Grant(user_id=person, role="analyst", agency=GUARD))
        for one in left:
            until = None if one.ends_in is None else node.clock.now() + one.ends_in
            session.add(Grant(user_id=person, role=one.role, agency=one.agency,
                              until=known.get((one.role, one.agency), until)))  # fmt: skip


def _of(person: int):  # type: ignore[no-untyped-def]
    return select(Grant).where(Grant.user_id == person)


def _access(node: NodeUnderTest, person: int) -> Access:
    now = node.clock.now()
    with node.runtime.db.read() as session:
        held = sessions.live_grants(session, person, now)
        return Access(person, "lan", "Lan", "vi", held, sessions.tree(session, held), "h", "c", now + DAY)


def _everything(node: NodeUnderTest) -> None:
    """A change of every topic, of every agency and of none; the guard's alert last."""
    with node.runtime.db.write() as session:
        for topic in TOPICS:
            for code in (*CODES, None):
                changed(session, node.runtime.bell, topic, f"{topic}@{code}", agency=code, revision=1,
                        now=node.clock.now())  # fmt: skip
        changed(session, node.runtime.bell, "alert", GUARD, agency=GUARD, revision=1, now=node.clock.now())


async def _until_guard(stream: AsyncIterator[Batch | None]) -> set[str]:
    """The objects named in the very bytes that the screen gets."""
    found: set[str] = set()
    async with asyncio.timeout(30):
        async for batch in stream:
            assert batch is not None
            found |= {text for sent in batch for text in re.findall(r'"id":\s*"([^"]*)"', sent.text.decode())}
            if GUARD in found:
                return found - {GUARD}
    raise AssertionError("the stream has ended")


async def _all(stream: AsyncIterator[Batch | None]) -> list[Batch]:
    return [batch async for batch in stream if batch]


def _twin(node: NodeUnderTest, tree: dict[str, str | None], held: list[Held], passed_s: float) -> set[str]:
    """A row without an agency is for who holds the right anywhere (it says that something of the node changed)."""
    moved = [Held(h.role, h.agency, None if h.ends_in is None else h.ends_in - passed_s) for h in held]
    twin = Twin({**tree, GUARD: None}, [*moved, Held("analyst", GUARD, None)], None)
    return {
        f"{topic}@{code}"
        for topic, permission in TOPICS.items()
        for code in (*CODES, None)
        if (twin.may(permission) if code is None else twin.sees(permission, code))
    }
