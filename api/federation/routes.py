"""Federation on the machine port: nodes below post items and ask for words. Role "node" only.

POST /federation/v1/items {item: text, signature}   201 | 200 receipt, 422 refused, 409 expected, 429 over the quota
GET  /federation/v1/words?after=N                   {words: [{id, at, item_id, item_revision, kind, text, by}], next}

A receipt is not signed: TLS has proved who gives it, and the agency needs nothing to show against the centre. Words
are those about items of the sender's agency or that it raised, in order of their numbers; `next` is where to go on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sqlalchemy import func, or_, select

from api.federation.inbox import Intake
from api.federation.item import ITEM_LIMIT_BYTES
from api.federation.quota import Quota
from api.machine_call import Call, Reply
from api.state.federation import Raised, Spoken
from sensors.clock import rfc3339

if TYPE_CHECKING:
    from api.auth.ca import Name
    from api.machine import MachinePort
    from api.state.base import Database

WORDS = 50  # an answer: each word has at most 10,000 letters
BODY_LIMIT_BYTES = 2 * ITEM_LIMIT_BYTES + 16 * 1024


def mount(port: MachinePort) -> None:
    intake, quota = Intake(port.runtime), Quota(port.runtime.clock)

    async def items(call: Call) -> Reply:
        asked = await call.json(BODY_LIMIT_BYTES)
        text = asked.get("item") if isinstance(asked, dict) else None
        signature = asked.get("signature") if isinstance(asked, dict) else None
        if not isinstance(text, str) or not isinstance(signature, str) or call.peer is None:
            return Reply.refused(400, "item, signature and a client certificate are needed")
        if wait_s := quota.wait_s(call.name.id, len(text)):
            refused = Reply.refused(429, "more items than one sender may post")
            return Reply(refused.status, refused.body, {"retry-after": str(wait_s)})
        status, answer = await asyncio.to_thread(intake.accept, call.name, call.peer, text, signature)
        return Reply.json(answer, status)

    async def words(call: Call) -> Reply:
        after = parse_qs(call.query.decode("latin-1")).get("after", ["0"])[0]
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            return Reply.refused(400, "after must be a number")
        return Reply.json(await asyncio.to_thread(_words, port.runtime.db, call.name, int(after)))

    port.route("POST", "/federation/v1/items", items, {"node"})
    port.route("GET", "/federation/v1/words", words, {"node"})


def _words(db: Database, sender: Name, after: int) -> dict[str, Any]:
    with db.read() as session:
        newest = session.scalar(select(func.max(Spoken.id))) or 0
        rows = session.scalars(
            select(Spoken)
            .join(Raised, Spoken.raised_id == Raised.id)
            .where(Spoken.id > after, or_(Raised.sender == sender.id, Raised.agency == sender.agency))
            .order_by(Spoken.id)
            .limit(WORDS)
        ).all()
        words = [
            {"id": row.id, "at": rfc3339(row.at), "item_id": row.item_id, "item_revision": row.item_revision,
             "kind": row.kind, "text": row.text, "by": row.by}
            for row in rows
        ]  # fmt: skip
        # Past what others were told, too: or who hears little would have all of it looked through each time.
        return {"words": words, "next": rows[-1].id if len(rows) == WORDS else max(newest, after)}
