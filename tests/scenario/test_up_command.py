"""`luytre up`: a node that starts, is asked, stops, starts again; a sensor that cannot work does not take it down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.node.programs import may_capture
from tests.servers.whole_node import UpNode

LIMIT_S = 60.0


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., UpNode]]:
    nodes: list[UpNode] = []

    def made(**tables: dict[str, object]) -> UpNode:
        nodes.append(UpNode(tmp_path / str(len(nodes)), **tables))
        return nodes[-1]

    yield made
    for node in nodes:
        node.close()


def wait(look: Callable[[], object], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.mark.slow
def test_a_node_starts_and_starts_again(make: Callable[..., UpNode]) -> None:
    node = make()
    node.feed()
    for turn in range(2):
        begin = time.time()
        node.start()
        wait(lambda: (node.health("ship").get("contact_at") or 0) >= begin, f"start {turn}: nothing was sent")  # noqa: B023
        wait(node.greeted, "no greeting")
        printed, said = node.stop()
        assert "/#/login?token=" in printed
        assert len(printed.splitlines()) <= 12
        assert said == ""


@pytest.mark.slow
def test_a_sensor_that_stays_down_is_told_and_the_others_work(make: Callable[..., UpNode]) -> None:
    if not may_capture():
        pytest.skip("needs CAP_NET_RAW: otherwise the packet sensor is not even started")
    node = make(packet={"interfaces": ["khong-co0"]})
    node.start()
    wait(lambda: node.health("log"), "the log sensor does not work")
    wait(node.greeted, "no greeting")
    printed, said = node.stop()
    assert "/#/login?token=" in printed
    assert "luytre-packet" in said
    assert "khong-co0" in said
