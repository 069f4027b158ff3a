"""`luytre doctor` on the screen of system health: the checks that are cheap, as they were last run.

Out: the last report of this process; none before somebody asked for one. `POST` runs them now (at most one at a time).
Left out: what takes seconds or a network (the command does it), and what names other agencies' machines (LT-D0804: the
sensors' screen shows those, each agency its own) or quotes log lines (LT-D1106).
"""

from __future__ import annotations

import threading
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.problems import Problem, language_of
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from sensors.clock import rfc3339

router = APIRouter(tags=["system"])
ROUTES = Resource("/system/doctor", router)

Reader = Annotated[Access, Depends(Allow("system.read"))]
Manager = Annotated[Access, Depends(Allow("system.manage"))]
NOT_HERE = ("LT-D0804", "LT-D1106")
_ONE = threading.Lock()


class Fix(Out):
    text: str
    command: str


class Found(Out):
    code: str
    group: str
    title: str
    verdict: Literal["ok", "note", "bad", "skipped"]
    cause: str
    value: str
    fixes: list[Fix]


class Doctor(Out):
    at: str | None
    checks: list[Found]


@router.get("")
def last(request: Request, access: Reader) -> Doctor:
    return _answer(request)


@router.post("")
def run(request: Request, access: Manager) -> Doctor:
    """Run now. 429 while another run goes on."""
    node: Runtime = request.app.state.node
    if not _ONE.acquire(blocking=False):
        raise Problem("LT-A0429")
    try:
        # Imported late: the checks know every program's tables, an idle API does not.
        from api.node.checks import all_checks
        from api.node.checks._machine import Machine
        from api.node.doctor_run import examine

        checks = [check for check in all_checks() if check.cheap and check.code not in NOT_HERE]
        machine = Machine(node.config.path if node.config else None, clock=node.clock, seconds=0.0)
        request.app.state.doctor = examine(machine, checks)
        with node.db.write() as session:
            node.audit.record(session, access.actor, "system.doctor", "doctor")
    finally:
        _ONE.release()
    return _answer(request)


def _answer(request: Request) -> Doctor:
    report = getattr(request.app.state, "doctor", None)
    if report is None:
        return Doctor(at=None, checks=[])
    language = language_of(request)
    return Doctor(
        at=rfc3339(report.at),
        checks=[
            Found(
                code=line.check.code, group=line.check.group, title=line.check.title.of(language),
                verdict=line.finding.verdict, cause=line.finding.cause, value=line.finding.value.of(language),
                fixes=[Fix(text=fix.vi if language == "vi" else fix.en, command=fix.command)
                       for fix in line.finding.fixes],
            )
            for line in report.lines
        ],
    )  # fmt: skip
