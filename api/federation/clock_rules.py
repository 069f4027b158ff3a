"""Rules of deadlines travel down: the centre's versions, asked for by each node below, over the link that it opens.

GET /federation/v1/clock-rules?mark=M&from=N → {mark} when M is the mark of all that the centre holds; otherwise
    {mark, by, total, rules: [{rule, note}, …]}: PAGE versions from place N on, ordered by rule and version.

Above: `page`. Below: `RulesDown.run` every ASK_S asks with the mark of what it took in last, gathers the pages of one
mark, checks each rule by the same model that the screen uses, and makes them its own (clocks.exchange.follow) in one
transaction. Nothing is signed: TLS proves who answers, and rules are public; a node in the middle passes on what it
holds. Idempotent: the mark is kept in memory only, and taking in the same versions again adds nothing.
Bound: rules.RULES versions, ANSWER_LIMIT_BYTES an answer; a rule that does not fit the model refuses the whole, on the
log, and the ones that are here go on: half a law is worse than last week's.
"""

from __future__ import annotations

import hashlib
import random
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from pydantic import ValidationError

from api.audit import Actor
from api.clocks import exchange, rules
from api.clocks.rules import Rule
from api.federation.config import settings
from api.federation.deliver import LONGEST_WAIT_S, Connect, Line
from api.runtime import Runtime
from api.state.base import Database
from api.state.federation import Link
from sensors.errors import LuytreError
from sensors.wire import Answer, Busy, Wire, refusal, tls_context

PATH = "/federation/v1/clock-rules"
PAGE = 100
ASK_S, AGAIN_S = 600.0, 60.0
TIMEOUT_S = 30.0
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
PAGES = rules.RULES // PAGE + 1
MARK = 64


class Given(msgspec.Struct, frozen=True):
    rule: dict[str, Any]
    note: Annotated[str, Meta(max_length=2_000)] = ""


class Page(msgspec.Struct, frozen=True):
    mark: Annotated[str, Meta(min_length=1, max_length=MARK)]
    by: Annotated[str, Meta(max_length=256)] = ""
    total: Annotated[int, Meta(ge=0, le=rules.RULES)] = 0
    rules: Annotated[list[Given], Meta(max_length=PAGE)] = []


def page(db: Database, by: str, mark: str, start: int) -> dict[str, Any]:
    with db.read() as session:
        held = [{"rule": rules.rule_of(row).model_dump(mode="json"), "note": row.note} for row in rules.rows(session)]
    now = hashlib.sha256(msgspec.json.encode(held, order="deterministic")).hexdigest()
    if mark == now:
        return {"mark": now}
    return {"mark": now, "by": by, "total": len(held), "rules": held[start : start + PAGE]}


class RulesDown:
    def __init__(self, node: Runtime, chance: random.Random | None = None, connect: Connect | None = None) -> None:
        self._node, self._chance = node, chance or random.Random()  # noqa: S311  (jitter)
        self._table = settings(node.config)
        self._keys = node.data / "keys"
        self._connect = connect or self._over_tls
        self._due, self._mark = 0.0, ""

    def run(self) -> str:
        clock = self._node.clock
        if not self._table.upstream or not (self._keys / "node.pem").exists() or clock.monotonic() < self._due:
            return ""
        if self._link_waits():
            return ""
        self._due = clock.monotonic() + ASK_S * (0.9 + self._chance.random() / 5)
        line = self._connect()
        try:
            mark, by, given = self._ask(line)
            added = self._take(by, given) if mark != self._mark else 0
            self._mark = mark
        except ValidationError as error:
            self._node.log.warning("rules of deadlines of the centre were not taken", error=str(error)[:300])
            return ""
        except (LuytreError, OSError, ValueError) as error:
            self._due = clock.monotonic() + AGAIN_S
            self._node.log.warning("rules of deadlines were not heard", error=str(error)[:300])
            return ""
        finally:
            line.close()
        return f"{added} rules of deadlines" if added else ""

    def _ask(self, line: Line) -> tuple[str, str, list[Given]]:
        found: list[Given] = []
        first: Page | None = None
        for _ in range(PAGES):
            answer = line.ask("GET", f"{PATH}?mark={self._mark}&from={len(found)}", limit_bytes=ANSWER_LIMIT_BYTES)
            said = _read(answer)
            first = first or said
            if said.mark != first.mark:
                raise Busy("the centre's rules changed while they were read")
            found += said.rules
            if said.mark == self._mark or len(found) >= said.total or not said.rules:
                break
        assert first is not None
        if first.mark != self._mark and len(found) != first.total:
            raise Busy("not all of the centre's rules arrived")
        return first.mark, first.by, found

    def _take(self, by: str, given: list[Given]) -> int:
        node = self._node
        above = [(Rule.model_validate(one.rule), one.note) for one in given]
        with node.db.write() as session:
            added = exchange.follow(session, above, by=by, now=node.clock.now())
            if added:
                node.audit.record(session, Actor("machine:upstream", by or "upstream"), "clock_rule.heard", "rules",
                                  detail={"added": added})  # fmt: skip
        return added

    def _link_waits(self) -> bool:
        """While delivery backs off, nothing is asked for."""
        with self._node.db.read() as session:
            link = session.get(Link, 1)
            left = link.next_try_at - self._node.clock.now() if link is not None else 0.0
        return 0 < left <= LONGEST_WAIT_S

    def _over_tls(self) -> Line:
        tls = tls_context(self._keys / "upstream-ca.pem", self._keys / "node.pem", self._keys / "node.key")
        return Wire(self._table.upstream, tls, timeout_s=TIMEOUT_S)


def _read(answer: Answer) -> Page:
    if answer.status != 200:
        raise refusal(answer)
    try:
        return msgspec.convert(answer.json(), Page)
    except msgspec.ValidationError as error:
        raise Busy(f"HTTP 200 with an answer that is none: {error}"[:300]) from None
