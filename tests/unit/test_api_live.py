"""The live stream: in order, none twice, none missed over a reconnect, nothing from outside the scope."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api.auth.sessions import Access
from api.casework.changes import changed
from api.live import PER_USER, QUEUE, TOPICS, Batch, Live
from api.permissions import Granted
from api.state.audit import Change
from tests.servers.people_port import MINE, NOW, OTHER, NodeUnderTest, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


def person(role: str = "analyst", agency: str | None = MINE) -> Access:
    return Access(1, "lan", "Lan", "vi", (Granted(role, agency),), {MINE: None, OTHER: None}, "h", "c", NOW)


def change(node: NodeUnderTest, *ids: str, topic: str = "alert", agency: str | None = MINE) -> None:
    with node.runtime.db.write() as session:
        for number, object_id in enumerate(ids):
            changed(session, node.runtime.bell, topic, object_id, agency=agency, revision=number, now=NOW)


async def take(stream: AsyncIterator[Batch | None], count: int) -> list[str | None]:
    """The things told of; a batch beyond `count` counts to the end of it."""
    found: list[str | None] = []
    async with asyncio.timeout(30):
        async for batch in stream:
            found += [None] if batch is None else [sent.change.object_id for sent in batch]
            if len(found) >= count:
                break
    return found


def follow(
    live: Live, access: Access, last: int | None = None, again: Access | None = None
) -> AsyncIterator[Batch | None]:
    return live.follow(access, lambda: again or access, last, lambda: 0.0)


async def started(node: NodeUnderTest) -> Live:
    live = Live(node.runtime.db, node.runtime.bell)
    await live.start()
    return live


def test_each_change_once_and_in_order(node: NodeUnderTest) -> None:
    async def run() -> None:
        live = await started(node)
        stream = follow(live, person())
        task = asyncio.create_task(take(stream, 60))
        await asyncio.sleep(0.05)
        for batch in range(20):
            await asyncio.to_thread(change, node, *(f"{batch}-{n}" for n in range(3)))
        assert await task == [f"{batch}-{n}" for batch in range(20) for n in range(3)]
        await live.close()

    asyncio.run(run())


def test_a_reconnect_goes_on_where_it_was(node: NodeUnderTest) -> None:
    async def run() -> None:
        change(node, "a", "b", "c")
        live = await started(node)
        stream = follow(live, person(), last=1)
        assert await take(stream, 2) == ["b", "c"]
        await stream.aclose()  # type: ignore[attr-defined]
        ahead = follow(live, person(), last=99)  # from before a restore: load anew
        assert await take(ahead, 1) == [None]
        await ahead.aclose()  # type: ignore[attr-defined]
        assert live.screens == 0
        await live.close()

    asyncio.run(run())


def test_scope_and_permission_filter(node: NodeUnderTest) -> None:
    async def run() -> None:
        live = await started(node)
        task = asyncio.create_task(take(follow(live, person()), 2))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(change, node, "theirs", agency=OTHER)
        await asyncio.to_thread(change, node, "national", topic="raised")
        await asyncio.to_thread(change, node, "unknown", topic="gossip")
        await asyncio.to_thread(change, node, "mine")
        await asyncio.to_thread(change, node, "everybody's", agency=None)
        assert await task == ["mine", "everybody's"]
        await live.close()

    asyncio.run(run())


def test_a_lost_right_is_lost_in_the_stream(node: NodeUnderTest) -> None:
    async def run() -> None:
        live = await started(node)
        times = iter([0.0, 5.0, 5.0, 10.0])
        nobody = person("none")
        stream = live.follow(person(), lambda: nobody, None, lambda: next(times, 99.0))
        task = asyncio.create_task(take(stream, 1))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(change, node, "secret")
        await live.close()
        assert await task == []

    asyncio.run(run())


def test_a_slow_screen_is_let_go_and_others_stay(node: NodeUnderTest) -> None:
    async def run() -> None:
        live = await started(node)
        slow, quick = follow(live, person()), follow(live, person())
        first = asyncio.create_task(take(slow, 1))
        rest = asyncio.create_task(take(quick, QUEUE + 51))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(change, node, "first")
        assert await first == ["first"]
        for batch in range(0, QUEUE + 50, 50):
            await asyncio.to_thread(change, node, *(f"{batch + n}" for n in range(50)))
            await asyncio.sleep(0)
        assert len(await rest) == QUEUE + 51
        assert await take(slow, 1000) == []  # it comes back with its Last-Event-ID
        await live.close()

    asyncio.run(run())


def test_closing_waits_for_a_read_under_way(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes the stream closes the database next: no thread may still be reading it."""
    reading, go_on, read = threading.Event(), threading.Event(), []

    async def run() -> None:
        live = await started(node)
        since = live._since

        def slowly(after: int) -> list[Change]:
            reading.set()
            assert go_on.wait(30)
            read.append(after)
            return since(after)

        monkeypatch.setattr(live, "_since", slowly)
        change(node, "one")
        await asyncio.to_thread(reading.wait, 30)
        closing = asyncio.create_task(live.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        go_on.set()
        await closing
        assert len(read) == 1

    asyncio.run(run())


def test_one_person_s_screens_are_bounded(node: NodeUnderTest) -> None:
    async def run() -> None:
        live = await started(node)
        tasks = [asyncio.create_task(take(follow(live, person()), 1)) for _ in range(PER_USER)]
        await asyncio.sleep(0.05)
        assert live.full(1)
        assert not live.full(2)
        await live.close()
        assert [await task for task in tasks] == [[]] * PER_USER

    asyncio.run(run())


def test_a_storm_is_gathered_and_nothing_is_left_out(node: NodeUnderTest) -> None:
    """A page of hundreds of changes lets nobody go; of one thing's changes the last is told, and that it was made."""

    async def run() -> None:
        live = await started(node)
        stream = follow(live, person())
        task = asyncio.create_task(take(stream, 501))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(change, node, *(f"{n % 500}" for n in range(1_500)), "last")
        assert sorted(map(str, await task)) == sorted([*map(str, range(500)), "last"])
        assert live.screens == 1
        await live.close()

    asyncio.run(run())


def test_every_topic_that_is_told_has_its_right() -> None:
    """A change whose topic is missing in the table would reach no screen, and nobody would know."""
    told = {
        call.args[2].value
        for path in (Path(__file__).parents[2] / "api").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "changed"
        and len(call.args) > 2
        and isinstance(call.args[2], ast.Constant)
    }
    assert len(told) > 8
    assert told <= set(TOPICS)
