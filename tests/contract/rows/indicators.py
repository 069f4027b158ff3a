"""Lists, rows, hunts: one of each per agency, the canary in every text."""

from __future__ import annotations

from collections.abc import Mapping

from api.state.indicators import IndicatorHunt, IndicatorSighting, IndicatorSource, ListedIndicator
from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest

_LIST = {"agency": "{agency}", "name": "CERT", "content": "45.6.7.8\nevil.example\n"}
_HUNT = {"agency": "{agency}", "values": ["45.6.7.8"], "days": 7}


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    with node.runtime.db.write() as session:
        # The walk removes one source before it asks for the other's values.
        source, going = (
            IndicatorSource(agency=agency, name=f"{words} {number}", format="list", tlp="amber", added_at=NOW,
                            added_by=words, changed_at=NOW, rows=2)
            for number in range(2)
        )  # fmt: skip
        session.add_all([source, going])
        session.flush()
        rows = [
            ListedIndicator(source_id=source.id, agency=agency, key=f"{number}{agency}"[:32], kind="url",
                            value=f"http://evil.example/{words}/{number}", tlp="amber", added_at=NOW, note=words)
            for number in range(2)
        ]  # fmt: skip
        met = IndicatorSighting(agency=agency, key=rows[0].key, kind="url", value=words, first_at=NOW, last_at=NOW,
                                count=3)  # fmt: skip
        hunt = IndicatorHunt(agency=agency, source_id=source.id, what=words, values=[], state="waiting", asked_at=NOW,
                             asked_by=words, since=NOW - 100, until=NOW, place={}, found=[], told=words)  # fmt: skip
        session.add_all([*rows, met, hunt])
        session.flush()
        return {"source_id": str(going.id), "indicator_id": str(rows[0].id), "hunt_id": str(hunt.id)}


ROWS = Rows(
    {
        ("GET", "/indicators"): ("?state=active", None, 200),
        ("GET", "/indicators/sources"): ("", None, 200),
        ("POST", "/indicators/preview"): ("", _LIST, 200),
        ("POST", "/indicators/import"): ("", _LIST, 200),
        ("POST", "/indicators/sources/{source_id}/remove"): ("", {}, 200),
        ("GET", "/indicators/test"): ("?value=evil.example", None, 200),
        ("GET", "/indicators/hunts"): ("", None, 200),
        ("POST", "/indicators/hunts"): ("", _HUNT, 202),
        ("GET", "/indicators/hunts/{hunt_id}"): ("", None, 200),
        ("POST", "/indicators/hunts/{hunt_id}/stop"): ("", {}, 200),
        ("GET", "/indicators/{indicator_id}"): ("", None, 200),
        ("POST", "/indicators/{indicator_id}/remove"): ("", {}, 200),
    },
    make,
    named_in_body=frozenset(
        {("POST", "/indicators/preview"), ("POST", "/indicators/import"), ("POST", "/indicators/hunts")}
    ),
)
