"""A national node with one of everything in each of two agencies, the texts of the second holding a canary, and a
person of every role in the first: what the tests of scope walk over. Each resource adds its own by its file of rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from api.audit import THE_SYSTEM
from api.auth.ca import Name
from api.ingest.dead import DeadLetters, Letter
from api.permissions import ROLES
from api.state.audit import AuditEntry
from api.state.cases import History
from api.state.federation import Outgoing, Raised, RaisedIndicator, RaisedRevision
from tests.contract.rows import Row, all_rows
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, event, hit

CANARY = "canary-bí-mật-7731"
LINK = '[federation]\nupstream = "https://127.0.0.1:1"\n'
KINDS = all_rows()
ROWS: dict[tuple[str, str], Row] = {key: row for kind in KINDS.values() for key, row in kind.rows.items()}
NAMED_IN_BODY = frozenset().union(*(kind.named_in_body for kind in KINDS.values()))


@dataclass(frozen=True)
class Said:
    """What stands in the texts of an agency's objects."""

    words: str
    message: str
    title: str
    source: str  # the address of its hits
    sensor: str


TWO = {
    MINE: Said("không phải bí mật", "canary không phải bí mật", "Dò quét", "203.0.113.5", "cb-0"),
    OTHER: Said(CANARY, CANARY, CANARY, "198.51.100.77", "canary-7731"),
}


class World:
    """A node with one of everything in each agency, and a person of every role in the first."""

    def __init__(self, node: NodeUnderTest, said: Mapping[str, Said] = TWO) -> None:
        self.node = node
        for number, (agency, mine) in enumerate(said.items()):
            title, source = mine.title, mine.source
            node.store([event(100 + number, agency, user={"name": mine.message}, message=mine.message)])
            node.store(
                [hit(1000 * number + n, agency=agency, rule=f"r-{n}", title=title, source=source) for n in range(3)],
                "hits",
            )
            name = Name(agency, "sensor", mine.sensor)
            assert node.runtime.machines
            node.runtime.machines.new_api_key(name, "test")
            with node.runtime.db.write() as session:
                node.runtime.audit.record(session, THE_SYSTEM, "test", title, agency=agency, detail={"w": title})
            self._raise(agency, f"TN-2026-00000{number}", title)
        dead = DeadLetters(node.runtime.data / "dead" / "ingest", node.clock)
        dead.add([Letter(f"{agency}:sensor:x", 400, mine.title, b"{") for agency, mine in said.items()])
        dead.close()
        node.index()
        node.fold()
        boss = Browser(node).link(node.add_user("boss", ("lead", None), ("auditor", None)))
        self.ids: dict[str, dict[str, str]] = {}
        for number, (agency, mine) in enumerate(said.items()):
            alerts = [alert["id"] for alert in boss.get("/alerts", agency=agency, sort="first_seen")["items"]]
            incident = boss.post("/incidents", {"alert_ids": [alerts[0]], "title": mine.title})
            [sensor] = [s["id"] for s in boss.get("/sensors")["items"] if s["agency"] == agency]
            self.ids[agency] = {
                "alert_id": alerts[1], "free_alert": alerts[2], "incident_id": incident["id"], "sensor_id": sensor,
                "agency": agency, "raised_id": f"TN-2026-00000{number}",
            }  # fmt: skip
            for kind in KINDS.values():
                if kind.make:
                    self.ids[agency] |= kind.make(node, agency, mine.words)
        first = next(iter(said))
        self.people = {role: Browser(node).link(node.add_user(role, (role, first))) for role in ROLES}
        self.nobody = Browser(node).link(node.add_user("nobody"))

    def _raise(self, agency: str, raised_id: str, title: str) -> None:
        """An item that this agency has raised, in the outbox and in the inbox; both met the same address."""
        item = {"id": f"{agency}/SC-1", "title": title, "alerts": [], "indicators": [], "agency": agency}
        with self.node.runtime.db.write() as session:
            session.add(
                Raised(
                    id=raised_id, sender=f"{agency}:node:n", agency=agency, item_id=item["id"], item_revision=1,
                    sequence=1, kind="incident", title=title, level="high", level_order=3, state="new", first_seen=NOW,
                    last_seen=NOW, received_at=NOW, alerts_count=1, item=item, search_text=title,
                )
            )  # fmt: skip
            session.flush()
            for value in ("192.0.2.66", title.encode().hex()):
                session.add(
                    RaisedIndicator(raised_id=raised_id, type="domain", value=value, tlp="amber", agency=agency)
                )
            session.add(
                RaisedRevision(raised_id=raised_id, item_revision=1, sequence=1, receipt_id=raised_id, received_at=NOW,
                               body=json.dumps(item), signature="")
            )  # fmt: skip
            session.add(
                Outgoing(
                    sequence=1_000 + int(raised_id[-1]), item_id=f"x-{raised_id}", item_revision=1, kind="incident",
                    ref=title[:20], agency=agency, body=title, state="refused", queued_at=NOW, last_error=title,
                    reason={"vi": title, "en": title},
                )
            )  # fmt: skip

    def call(self, browser: Browser, method: str, path: str, agency: str, **headers: str) -> Any:
        query, body, _ = ROWS[method, path]
        for name, value in self.ids[agency].items():
            path = path.replace("{" + name + "}", value)
            body = json.loads(json.dumps(body).replace("{" + name + "}", value))
        return browser.send(method, path + query, body, **headers)

    def traces(self) -> tuple[int, int]:
        with self.node.runtime.db.read() as session:
            acts = session.scalar(select(func.count()).select_from(History)) or 0
            done = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.outcome == "done")) or 0
            return acts, done
