"""Rules of deadlines between files, nodes and this database: taken in as versions, given out as TOML.

In:  rules of a file that an operator imports, or the whole list of versions that the node above holds.
Out: how many versions were added; both may be repeated without effect.
`take_in`: a rule that says what the newest version here says adds nothing; another one adds a version.
`follow`: rules are national data. Of each rule that the centre has, the versions here end with the centre's whole list,
in its order: so the newest that has begun is the same on both nodes, on any day. What was edited here before there was
a centre stays as older versions, and clocks that were made by them keep them. A rule that only this node has stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.clocks import rules
from api.clocks.rules import Rule

NOTE = 500


def take_in(session: Session, given: Iterable[Rule], *, note: str, now: float, made_name: str) -> int:
    """ValueError when there is no room for more versions."""
    rules.ensure(session, now)
    known = rules.versions(session)
    last = rules.newest(known)
    added = 0
    for rule in given:
        if rule.id in last and known[rule.id, last[rule.id]] == rule:
            continue
        rules.add(session, rule, note=note[:NOTE], now=now, made_by=None, made_name=made_name)
        added += 1
    return added


def follow(session: Session, above: Sequence[tuple[Rule, str]], *, by: str, now: float) -> int:
    """`above`: every version that the centre holds with why it was made, each rule's in their order."""
    rules.ensure(session, now)
    here: dict[str, list[Rule]] = {}
    for (rule_id, _), rule in sorted(rules.versions(session).items()):
        here.setdefault(rule_id, []).append(rule)
    there: dict[str, list[tuple[Rule, str]]] = {}
    for rule, note in above:
        there.setdefault(rule.id, []).append((rule, note))
    added = 0
    for rule_id, wanted in there.items():
        for rule, note in wanted[_held(here.get(rule_id, []), [rule for rule, _ in wanted]) :]:
            rules.add(session, rule, note=note[:NOTE], now=now, made_by=None, made_name=by[:256])
            added += 1
    return added


def _held(here: Sequence[Rule], wanted: Sequence[Rule]) -> int:
    """How many of `wanted`, from its first on, the list here ends with."""
    for count in range(min(len(here), len(wanted)), 0, -1):
        if list(here[-count:]) == list(wanted[:count]):
            return count
    return 0


def written(given: Iterable[Rule]) -> str:
    """The newest words of rules as a file that `luytre clocks import` reads. JSON's strings, numbers, true and false
    are TOML's too; what is at its default is left out."""
    parts = ["# luytre clocks import TỆP: quy định khác bản đang có thành một phiên bản mới; không gì bị ghi đè.\n"]
    for rule in given:
        body: dict[str, Any] = rule.model_dump(mode="json", exclude_defaults=True)
        parts.append("[[rule]]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in body.items()))
    return "\n".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items() if one is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
