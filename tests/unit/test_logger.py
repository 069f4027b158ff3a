"""The log's promises: a line is one JSON object, hides secrets, drives no terminal, and never raises."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sensors.logger import logger


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    logger("ship").bind(stream="hits").info("đã gửi", count=2)
    (line,) = lines(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {"process": "ship", "stream": "hits", "event": "đã gửi", "count": 2, "level": "info"}


def test_secrets_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    logger("x").error("refused", api_token="abc123", Password="abc123")
    assert "abc123" not in capsys.readouterr().err


def test_nothing_drives_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logger("x").warning("a\x1b[31m\r\nb\x9b2J\u2028c\x7f", path="\x1b]0;x\x07")
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text.rstrip("\n"))
    assert lines(text)[0]["event"] == "a\x1b[31m\r\nb\x9b2J\u2028c\x7f"


def test_an_exception_has_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log = logger("x")
    try:
        raise ValueError("hỏng")
    except ValueError as error:
        log.exception("failed")
        kept = error
    log.error("later", exc_info=kept)
    log.error("none", exc_info=True)  # noqa: LOG014
    first, later, none = lines(capsys.readouterr().err)
    assert "ValueError: hỏng" in first["exception"]
    assert "ValueError: hỏng" in later["exception"]
    assert "exception" not in none


def test_anything_can_be_logged(capsys: pytest.CaptureFixture[str]) -> None:
    loop: dict[Any, Any] = {}
    loop["self"] = loop
    for value in (b"\xff", {1: object()}, {(1, 2): 3}, loop, "\ud800", float("nan"), "x" * 1_000_000):
        logger("x").info("odd", value=value)
    text = capsys.readouterr().err
    assert all(line["event"] == "odd" for line in lines(text))
    assert max(map(len, text.splitlines())) < 100_000


def test_a_stderr_that_is_gone_stops_nobody() -> None:
    program = "import os; os.close(2)\nfrom sensors.logger import logger\nlogger('x').info('a'); print('alive')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"alive\n"


@pytest.mark.parametrize("module", ["sensors.roles.log", "sensors.roles.probe", "sensors.roles.packet",
                                    "sensors.roles.ship", "correlator.index", "correlator.run"])  # fmt: skip
def test_daemons_load_nothing_that_only_people_need(module: str) -> None:
    """Each of these costs tens of megabytes in every process of a node."""
    heavy = ("rich", "typer", "pygments", "structlog", "fastapi", "sqlalchemy", "pydantic")
    program = f"import sys, {module}\nprint(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.split() == []
