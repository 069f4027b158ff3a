"""Detection rules as the running correlator has them: which run, which were refused and why, what they said today."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from sqlalchemy import func, select

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.queue import inside
from api.health import processes
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out, Texts
from api.state.cases import Alert, AlertHour

router = APIRouter(tags=["rules"])
ROUTES = Resource("/rules", router)

Reader = Annotated[Access, Depends(Allow("rules.read"))]
RULES, FAULTS = 10_000, 1_000
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)


class Tuned(Out):
    """What this agency changed of a rule (correlator/tuning.py), why, who answers for it, and until which day."""

    enabled: bool
    level: str | None
    level_before: str
    reason: str
    owner: str
    until: str


class TuningFault(Out):
    """Something of the tuning that is not in force."""

    code: str
    id: str
    line: int
    reason: str


class Rule(Out):
    id: str
    title: Texts
    level: str
    kind: str
    state: Literal["running", "refused", "disabled"]
    reason: str
    silent: bool  # read by correlations only; makes no alert of its own
    path: str
    line: int
    logsource: dict[str, str]
    hits_24h: int
    techniques: list[str]
    data_last_seen: str | None
    tuned: Tuned | None


class Rules(Out):
    items: list[Rule]
    total: int
    running: int
    refused: int
    disabled: int
    tuning_faults: list[TuningFault]


@router.get("")
def list_rules(request: Request, access: Reader) -> Rules:
    node: Runtime = request.app.state.node
    since = int(node.clock.now() // 3600) - 23
    with node.db.read() as session:
        counted = (
            select(Alert.rule_id, func.sum(AlertHour.count))
            .join(AlertHour, AlertHour.alert_id == Alert.id)
            .where(AlertHour.hour >= since, inside(Alert.agency, access.scope("rules.read")))
            .group_by(Alert.rule_id)
        )
        hits = {rule: int(number) for rule, number in session.execute(counted)}
    bodies = processes(node.data)
    said = [rule for body in bodies for rule in _list(body.get("rules"))][:RULES]
    items = [_rule(rule, hits) for rule in said if isinstance(rule, dict)]
    states = Counter(item.state for item in items)
    return Rules(
        items=items,
        total=len(items),
        running=states["running"],
        refused=states["refused"],
        disabled=states["disabled"],
        tuning_faults=[fault for body in bodies for fault in _faults(body.get("tuning"))],
    )


def _rule(said: dict[str, Any], hits: dict[str, int]) -> Rule:
    """The correlator's words; whatever is missing is empty rather than an error on the screen."""
    title = said.get("title")
    if isinstance(title, dict):
        texts = Texts(vi=str(title.get("vi") or title.get("en") or ""), en=str(title.get("en") or ""))
    else:
        texts = Texts(vi=str(title or said.get("name") or ""), en=str(title or said.get("name") or ""))
    rule_id = str(said.get("id") or said.get("path") or "")
    return Rule(
        id=rule_id,
        title=texts,
        level=str(said.get("level") or ""),
        kind=str(said.get("kind") or "sigma"),
        state=_state(said.get("state")),
        reason=str(said.get("reason") or ""),
        silent=said.get("silent") is True,
        path=str(said.get("path") or ""),
        line=said["line"] if isinstance(said.get("line"), int) else 0,
        logsource=_logsource(said.get("logsource")),
        hits_24h=hits.get(rule_id, 0),
        techniques=[found[1].upper() for tag in _list(said.get("tags")) if (found := _TECHNIQUE.match(str(tag)))],
        data_last_seen=str(said["data_last_seen"]) if said.get("data_last_seen") else None,
        tuned=_tuned(said.get("tuned")),
    )


def _state(said: Any) -> Literal["running", "refused", "disabled"]:
    return "refused" if said == "refused" else "disabled" if said == "disabled" else "running"


def _tuned(said: Any) -> Tuned | None:
    if not isinstance(said, dict):
        return None
    return Tuned(
        enabled=said.get("enabled") is not False,
        level=str(said["level"]) if said.get("level") else None,
        level_before=str(said.get("level_before") or ""),
        reason=str(said.get("reason") or ""),
        owner=str(said.get("owner") or ""),
        until=str(said.get("until") or ""),
    )


def _faults(said: Any) -> list[TuningFault]:
    found = [one for one in _list(said.get("faults") if isinstance(said, dict) else None) if isinstance(one, dict)]
    return [
        TuningFault(
            code=str(one.get("code") or ""),
            id=str(one.get("id") or ""),
            line=one["line"] if isinstance(one.get("line"), int) else 0,
            reason=str(one.get("reason") or ""),
        )
        for one in found[:FAULTS]
    ]


def _logsource(said: Any) -> dict[str, str]:
    """`product: linux, service: sshd` as the correlator writes it."""
    pairs = (part.partition(": ") for part in str(said or "").split(", "))
    return {key: value for key, colon, value in pairs if colon}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
