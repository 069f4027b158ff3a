"""Federation on the machine port: nodes below post items and ask for words. Role "node" only.

POST /federation/v1/items {item: text, signature}   201 | 200 receipt, 422 refused, 409 expected sequence
GET  /federation/v1/words?after=N                   {words: [{id, at, item_id, kind, text, by}]}, this sender's only
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sqlalchemy import select

from api.federation import inbox
from api.federation.item import ITEM_LIMIT_BYTES
from api.state.federation import Spoken
from sensors.clock import rfc3339

if TYPE_CHECKING:
    from api.machine import Call, MachinePort, Reply

WORDS = 200


def mount(port: MachinePort) -> None:
    from api.machine import Reply

    node = port.runtime

    async def items(call: Call) -> Reply:
        asked = await call.json(ITEM_LIMIT_BYTES)
        text = asked.get("item") if isinstance(asked, dict) else None
        signature = asked.get("signature") if isinstance(asked, dict) else None
        if not isinstance(text, str) or not isinstance(signature, str) or call.peer is None:
            return Reply.refused(400, "item, signature and a client certificate are needed")
        status, answer = await asyncio.to_thread(inbox.accept, node, call.name, call.peer, text, signature)
        return Reply.json(answer, status)

    async def words(call: Call) -> Reply:
        after = parse_qs(call.query.decode("latin-1")).get("after", ["0"])[0]
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            return Reply.refused(400, "after must be a number")
        return Reply.json({"words": await asyncio.to_thread(_words, port, call.name.id, int(after))})

    port.route("POST", "/federation/v1/items", items, {"node"})
    port.route("GET", "/federation/v1/words", words, {"node"})


def _words(port: MachinePort, sender: str, after: int) -> list[dict[str, Any]]:
    with port.runtime.db.read() as session:
        rows = session.scalars(
            select(Spoken).where(Spoken.sender == sender, Spoken.id > after).order_by(Spoken.id).limit(WORDS)
        )
        return [
            {"id": row.id, "at": rfc3339(row.at), "item_id": row.item_id, "kind": row.kind, "text": row.text,
             "by": row.by}
            for row in rows
        ]  # fmt: skip
