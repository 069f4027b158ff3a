"""Federation on the machine port: nodes below post items and ask for words. Role "node" only.

POST /federation/v1/items {item: text, signature}   201 | 200 receipt, 422 refused, 409 expected, 429 over the quota
                          {items: [{item, signature}, …]}   200 {answers: [[status, answer], …]}, in their order, up to
                          the first that was not taken (400, 409); ITEMS at most
POST /federation/v1/reports {report: text, signature}  200 {at, by}, 409 {need}, 422 refused with the place, 429
GET  /federation/v1/clock-rules?mark=M&from=N   rules of deadlines (clock_rules.py)
GET  /federation/v1/words?after=N         {words: [{id, at, item_id, item_revision, kind, text, by, about?}], next}
GET  /federation/v1/leads?after=ITEM      {leads: [{item_id, about}], next}: who leads each item, the whole record

A receipt is not signed: TLS has proved who gives it, and the agency needs nothing to show against the centre. Words
are those about items of the sender's agency or that it raised, in order of their numbers; `next` is where to go on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sqlalchemy import func, or_, select

from api.federation import clock_rules, lead_centre, remind
from api.federation.inbox import Intake
from api.federation.item import ITEM_LIMIT_BYTES
from api.federation.quota import Quota
from api.federation.report import REPORT_LIMIT_BYTES
from api.federation.report_intake import Reports
from api.machine_call import Call, Reply
from api.state.federation import Raised, Spoken
from api.state.national import Reminder
from sensors.clock import rfc3339

if TYPE_CHECKING:
    from api.auth.ca import Name
    from api.machine import MachinePort
    from api.runtime import Runtime
    from api.state.base import Database

ITEMS = 50  # a batch
WORDS = 50  # an answer: each word has at most 10,000 letters
BODY_LIMIT_BYTES = 2 * ITEM_LIMIT_BYTES + 16 * 1024
REPORT_BODY_BYTES = 2 * REPORT_LIMIT_BYTES + 16 * 1024


def mount(port: MachinePort) -> None:
    intake, quota = Intake(port.runtime), Quota(port.runtime.clock)
    reporting, report_quota = Reports(port.runtime), Quota(port.runtime.clock)

    async def items(call: Call) -> Reply:
        asked = await call.json(BODY_LIMIT_BYTES)
        given = _signed(asked)
        if given is None or call.peer is None:
            return Reply.refused(400, "item, signature and a client certificate are needed")
        if wait_s := quota.wait_s(call.name.id, sum(len(text) for text, _ in given), len(given)):
            refused = Reply.refused(429, "more items than one sender may post")
            return Reply(refused.status, refused.body, {"retry-after": str(wait_s)})
        answers = await asyncio.to_thread(intake.accept_all, call.name, call.peer, given)
        if "items" in asked:
            return Reply.json({"answers": answers})
        status, answer = answers[0]
        return Reply.json(answer, status)

    async def words(call: Call) -> Reply:
        after = parse_qs(call.query.decode("latin-1")).get("after", ["0"])[0]
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            return Reply.refused(400, "after must be a number")
        said = await asyncio.to_thread(_words, port.runtime.db, call.name, int(after))
        await asyncio.to_thread(_fetched, port.runtime, call.name, int(after))
        return Reply.json(said)

    async def rules_down(call: Call) -> Reply:
        asked = parse_qs(call.query.decode("latin-1"))
        mark, start = asked.get("mark", [""])[0], asked.get("from", ["0"])[0]
        if not (start.isascii() and start.isdigit() and len(start) < 6 and len(mark) <= clock_rules.MARK):
            return Reply.refused(400, "from must be a number")
        node = port.runtime
        by = node.node.name or node.node.agency
        return Reply.json(await asyncio.to_thread(clock_rules.page, node.db, by, mark, int(start)))

    async def leads(call: Call) -> Reply:
        after = parse_qs(call.query.decode("latin-1")).get("after", [""])[0][:128]
        return Reply.json(await asyncio.to_thread(_leads, port.runtime.db, call.name, after))

    async def reports(call: Call) -> Reply:
        asked = await call.json(REPORT_BODY_BYTES)
        text = asked.get("report") if isinstance(asked, dict) else None
        signature = asked.get("signature") if isinstance(asked, dict) else None
        if not isinstance(text, str) or not isinstance(signature, str) or call.peer is None:
            return Reply.refused(400, "report, signature and a client certificate are needed")
        if wait_s := report_quota.wait_s(call.name.id, len(text)):
            refused = Reply.refused(429, "more reports than one sender may post")
            return Reply(refused.status, refused.body, {"retry-after": str(wait_s)})
        status, answer = await asyncio.to_thread(reporting.accept, call.name, call.peer, text, signature)
        return Reply.json(answer, status)

    port.route("POST", "/federation/v1/items", items, {"node"})
    port.route("POST", "/federation/v1/reports", reports, {"node"})
    port.route("GET", "/federation/v1/words", words, {"node"})
    port.route("GET", "/federation/v1/leads", leads, {"node"})
    port.route("GET", clock_rules.PATH, rules_down, {"node"})


def _signed(asked: Any) -> list[tuple[str, str]] | None:
    """(text, signature) of each item that is posted; None when it is not as it must be."""
    if not isinstance(asked, dict):
        return None
    given = asked.get("items", [asked])
    if not isinstance(given, list) or not 0 < len(given) <= ITEMS:
        return None
    found = [(one.get("item"), one.get("signature")) for one in given if isinstance(one, dict)]
    whole = [(text, mark) for text, mark in found if isinstance(text, str) and isinstance(mark, str)]
    return whole if len(whole) == len(given) else None


def _words(db: Database, sender: Name, after: int) -> dict[str, Any]:
    with db.read() as session:
        newest = session.scalar(select(func.max(Spoken.id))) or 0
        rows = session.scalars(
            select(Spoken)
            .outerjoin(Raised, Spoken.raised_id == Raised.id)
            .where(
                Spoken.id > after,
                or_(Raised.sender == sender.id, Raised.agency == sender.agency, Spoken.agency == sender.agency),
            )
            .order_by(Spoken.id)
            .limit(WORDS)
        ).all()
        words = [
            {"id": row.id, "at": rfc3339(row.at), "item_id": row.item_id, "item_revision": row.item_revision,
             "kind": row.kind, "text": row.text, "by": row.by, **({"about": row.about} if row.about else {})}
            for row in rows
        ]  # fmt: skip
        # Past what others were told, too: or who hears little would have all of it looked through each time.
        return {"words": words, "next": rows[-1].id if len(rows) == WORDS else max(newest, after)}


def _leads(db: Database, sender: Name, after: str) -> dict[str, Any]:
    with db.read() as session:
        return lead_centre.page(session, sender, after)


def _fetched(node: Runtime, sender: Name, after: int) -> None:
    """Reminders up to `after` have arrived; written only when there is one (agencies ask every few seconds)."""
    waiting = select(Reminder.id).where(
        Reminder.agency == sender.agency, Reminder.word <= after, Reminder.fetched_at.is_(None)
    )
    with node.db.read() as session:
        if session.scalar(waiting.limit(1)) is None:
            return
    with node.db.write() as session:
        remind.fetched(session, sender.agency, after, node.clock.now())
