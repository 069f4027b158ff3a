"""`luytre selftest --json` is one JSON object whatever happens: also when it is refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.node import selftest
from api.node.init import default_tables, make_node
from sensors.errors import Hint, LuytreError, Problem

REFUSED = LuytreError(Problem("LT-N0303", "chưa có tuyến", "there is no route", hints=(Hint("tạo", "make one"),)))
Stage = tuple[str, Callable[[], bool]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    config = make_node(default_tables(tmp_path / "data", "so-tttt", "Sở", "agency"))

    def run(looks: Callable[[], Iterator[Stage]]) -> dict[str, Any]:
        monkeypatch.setattr(selftest, "_looks", lambda *_, **__: looks())
        monkeypatch.setattr(selftest, "open_reader", lambda *_: _Reader())
        with contextlib.suppress(LuytreError):
            selftest.selftest(wait=1.0, as_json=True, config=config)
        return json.loads(capsys.readouterr().out)

    return run


class _Reader:
    def close(self) -> None:
        pass


def test_all_well(say: Callable[..., Any]) -> None:
    said = say(lambda: iter([("spool", lambda: True), ("stored", lambda: True)]))
    assert (said["ok"], list(said["stages"])) == (True, ["spool", "stored"])


def test_refused_while_a_stage_is_looked_at(say: Callable[..., Any]) -> None:
    def refuse() -> bool:
        raise REFUSED

    said = say(lambda: iter([("alert", lambda: True), ("notice", refuse)]))
    assert (said["ok"], said["failed"], list(said["stages"])) == (False, "notice", ["alert"])
    assert said["problems"] == [
        {"code": "LT-N0303", "vi": "chưa có tuyến", "en": "there is no route", "hints": ["tạo / make one"]}
    ]


def test_refused_before_the_next_stage(say: Callable[..., Any]) -> None:
    def looks() -> Iterator[Stage]:
        yield "alert", lambda: True
        raise REFUSED

    assert say(looks)["failed"] == "notice"
