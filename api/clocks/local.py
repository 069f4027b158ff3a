"""Acts of the local port for `luytre clocks`: rules read and imported in pages.

In:  {after} or {rules, note}. Out: {rules, next} or {added}. Bound: PAGE rules at a time, what the port takes (64 KiB)
and answers (1 MiB); a file is checked as a whole by the command before its first page goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

PAGE = 10


def clock_rules(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{after: rule id} → {rules: the newest version of each, next}"""
    from api.clocks import rules

    after = str(body.get("after", ""))
    with node.db.read() as session:
        known = rules.versions(session)
    last = sorted(rules.newest(known).items())
    page = [(rule_id, version) for rule_id, version in last if rule_id > after][:PAGE]
    more = page and page[-1][0] != last[-1][0]
    return {"rules": [known[key].model_dump(mode="json") for key in page], "next": page[-1][0] if more else None}


def clock_rules_import(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{rules, note} → {added}"""
    from api.clocks import exchange
    from api.clocks.rules import Rule
    from api.local_port import WHO

    try:
        given = [Rule.model_validate(one) for one in list(body["rules"])[:PAGE]]
        with node.db.write() as session:
            added = exchange.take_in(session, given, note=str(body.get("note", "")), now=node.clock.now(),
                                     made_name=WHO.name)  # fmt: skip
            if added:
                node.audit.record(session, WHO, "clock_rule.imported", "toml",
                                  detail={"rules": [rule.id for rule in given], "added": added})  # fmt: skip
    except (ValidationError, ValueError) as error:
        said = str(error)[:300]
        raise LuytreError(Problem("LT-N0701", f"quy định không hợp lệ: {said}", f"not a valid rule: {said}")) from None
    return {"added": added}
