"""`luytre selftest`: a harmless event the whole way of a real one, and where it stops if it does.

    spool → stored → indexed → hit → alert       each with the seconds since it was asked for
    → centre     the node above has it, where there is one
    → notice     with --notice: by every route there is, until the other side has taken it

Asks as `luytre-sensor selftest` does (sensors/sources/selftest.py); the log role makes the event, a shipped rule the
alert. The weekly run towards the centre is a job of its own (api/federation/selftest.py). The first five stages only
read; the last two are acts of the local port, on record.
Exit 0 · 1 a stage was not reached within --wait: which, and what to look at · 75 no log sensor took it.
"""

from __future__ import annotations

import getpass
import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from api.node.checks import Words
from api.node.checks._machine import Machine
from api.node.cli import language
from api.node.users import At, act
from correlator.store import open_reader
from correlator.store.base import EVERYTHING, EventReader, Gap
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_TEMPORARY, Hint, LuytreError, Problem
from sensors.event import get
from sensors.sources import selftest as source

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
WAIT_S, TAKEN_S, POLL_S = 60.0, 15.0, 0.2
PAGES = 50  # of the stream, a look
STAGES = {
    "spool": (Words("cảm biến đã ghi vào hàng chờ", "the sensor has spooled it"), "LT-D1102"),
    "stored": (Words("nút đã lưu", "the node has stored it"), "link"),
    "indexed": (Words("tìm kiếm thấy", "it can be found"), "LT-D0405"),
    "hit": (Words("luật đã khớp", "the rule has matched"), "rules"),
    "alert": (Words("đã thành cảnh báo", "it is an alert"), "LT-D1106"),
    "centre": (Words("trung tâm cấp trên đã nhận", "the centre above has it"), "link"),
    "notice": (Words("thông báo đã tới nơi nhận", "the notice has arrived"), "LT-D1106"),
}


@app.command()
def selftest(
    wait: Annotated[float, typer.Option(help="chờ tối đa bao nhiêu giây / seconds", min=1, max=600)] = WAIT_S,
    notice: Annotated[bool, typer.Option("--notice", help="gửi cả thông báo tới mọi nơi nhận / notices too")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    config: At = None,
) -> None:
    """luytre selftest   ·   luytre selftest --notice   ·   luytre selftest --wait 120 --json"""
    loaded = Config(config)
    loaded.table("node", NodeTable)
    machine = Machine(loaded.path)
    request = source.Request(secrets.token_hex(8), _user(), time.time())
    reader = open_reader(loaded)
    begun = time.monotonic()
    reached: list[tuple[str, float]] = []
    stage = "spool"
    try:
        for stage, look in _looks(machine, reader, request, notice=notice):
            while not look():
                passed = time.monotonic() - begun
                if passed > (min(wait, TAKEN_S) if stage == "spool" else wait):
                    _late(stage, request, machine, passed)
                time.sleep(POLL_S)
            reached.append((stage, round(time.monotonic() - begun, 1)))
            if not as_json:
                print(f"{reached[-1][1]:6.1f} s  ✔ {STAGES[stage][0].of(language())}", flush=True)
    except LuytreError as error:
        if as_json:
            if stage in dict(reached):  # refused before the next could be looked at: the centre's, or the notice's
                up = machine.raw_table("federation").get("upstream") and stage == "alert"
                stage = "centre" if up else "notice"
            _say(request, reached, failed=stage, error=error)
        raise
    finally:
        reader.close()
    if as_json:
        _say(request, reached)


def _say(
    request: source.Request, reached: list[tuple[str, float]], *, failed: str = "", error: LuytreError | None = None
) -> None:
    """One JSON object whatever happened: also when the centre refuses or a notice has nowhere to go."""
    said: dict[str, Any] = {"schema_version": 1, "test": request.id, "ok": error is None, "stages": dict(reached)}
    if error is not None:
        told = [
            {"code": one.code, "vi": one.vi, "en": one.en, "hints": [*map(str, one.hints)]} for one in error.problems
        ]
        said |= {"failed": failed, "problems": told}
    print(json.dumps(said, ensure_ascii=False))


def _looks(
    machine: Machine, reader: EventReader, request: source.Request, *, notice: bool
) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Each stage with how it is seen; asked for when the first is looked at."""
    cursor = [reader.end()]
    path = source.ask(machine.data, request)
    found: list[str] = []  # the event's id: the node's ingest has the last word on that

    def stored() -> bool:
        for _ in range(PAGES):
            page = reader.tail(cursor[0], 1000)
            cursor[0] = page.next
            if isinstance(page, Gap):
                continue
            if not page.events:
                return False
            for event in page.events:
                if get(event, "luytre.selftest.id") == request.id:
                    found.append(str(get(event, "event.id")))
                    return True
        return False

    yield "spool", lambda: not path.exists()
    yield "stored", stored
    yield "indexed", lambda: bool(reader.fetch(EVERYTHING, found))
    yield "hit", lambda: _alert(machine, found[0], request.asked) is not None or _hit(reader, found[0])
    yield "alert", lambda: _alert(machine, found[0], request.asked) is not None
    asked: dict[str, Any] = {"alert": _alert(machine, found[0], request.asked), "event": found[0]}
    assert machine.config is not None
    if machine.raw_table("federation").get("upstream"):
        raised = act(machine.config, "selftest-raise", test=request.id, asked=request.asked, **asked)
        yield "centre", lambda: _received(machine, raised["item"])
    if notice:
        config, told = machine.config, act(machine.config, "selftest-notice", **asked)
        yield "notice", lambda: _arrived(act(config, "notices-sendings", matter=told["matter"]))


def _received(machine: Machine, item: int) -> bool:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with machine.database() as connection:
            query = text("SELECT state, reason FROM outgoing WHERE id = :id")
            found: Any = connection.execute(query, {"id": item}).one_or_none()
    except (OSError, SQLAlchemyError):
        return False
    if found is not None and found.state == "refused":  # no wait will change that
        said = found.reason if isinstance(found.reason, dict) else json.loads(found.reason or "{}")
        vi, en = said.get("vi", ""), said.get("en", "")
        raise LuytreError(Problem("LT-N0301", f"trung tâm từ chối: {vi}", f"the centre refused it: {en}"))
    return found is not None and found.state in ("received", "acknowledged")


def _arrived(told: dict[str, Any]) -> bool:
    """Whether each sending of the notice has ended well; what went wrong ends the wait."""
    if told["routed"] and not told["gathered"]:
        raise LuytreError(Problem(
            "LT-N0303", "chưa có tuyến thông báo nào", "there is no route for notices yet",
            hints=(Hint("tạo kênh thư: luytre notices mail --help", "make one: luytre notices mail --help"),),
        ))  # fmt: skip
    for row in told["sendings"]:
        if row["state"] == "given_up" or row["error"]:
            said = row["error"] or {"vi": "đã thôi gửi", "en": "given up"}
            raise LuytreError(Problem("LT-N0303", f"{row['to']}: {said['vi']}", f"{row['to']}: {said['en']}"))
    return bool(told["sendings"]) and all(row["state"] in ("sent", "shown") for row in told["sendings"])


def _hit(reader: EventReader, event_id: str) -> bool:
    from correlator.store.base import Query

    found = reader.search(EVERYTHING, Query(size=100, stream="hits"))
    return any(event_id in json.dumps(event, default=str) for event in found.events)


def _alert(machine: Machine, event_id: str, asked: float) -> str | None:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    query = text("SELECT alert_id FROM alert_hit WHERE folded_at >= :since AND CAST(event_ids AS TEXT) LIKE :id")
    try:
        with machine.database() as connection:
            found: Any = connection.execute(query, {"since": asked - 60.0, "id": f"%{event_id}%"}).scalar()
    except (OSError, SQLAlchemyError):
        return None
    return str(found) if found is not None else None


def _late(stage: str, request: source.Request, machine: Machine, passed: float) -> None:
    source.done(source.folder(machine.data) / f"{request.id}.json")
    words, look = STAGES[stage]
    command = machine.luytre(f"doctor --only {look}")
    error = LuytreError(
        Problem("LT-N0301", f"chưa tới giai đoạn “{words.vi}” sau {passed:.0f} giây",
                f"the stage “{words.en}” was not reached within {passed:.0f} s",
                hints=(Hint(f"xem: {command}", f"look: {command}"),))
    )  # fmt: skip
    if stage == "spool":
        error.exit_code = EXIT_TEMPORARY
    raise error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
