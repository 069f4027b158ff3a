"""The agency asks for the centre's whole record of who leads, now and then: after a backup was restored on either side
words alone would not tell that the two differ.

In:  the line upwards. Out: `Lead` rows as the centre has them. Bound: PAGES pages; a longer record changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta

from api.federation import lead_agency
from api.federation.lead_agency import About
from sensors.wire import Busy, refusal

if TYPE_CHECKING:
    from api.federation.deliver import Line
    from api.runtime import Runtime

EVERY_S = 600.0
PAGES = 50
LIMIT_BYTES = 1024 * 1024


class Said(msgspec.Struct, frozen=True):
    item_id: Annotated[str, Meta(min_length=1, max_length=128)]
    about: About


class Page(msgspec.Struct, frozen=True):
    leads: list[Said]
    next: Annotated[str, Meta(max_length=128)]


def sync(node: Runtime, line: Line) -> int:
    """How many rows followed the centre."""
    said: list[Said] = []
    after = ""
    for _ in range(PAGES):
        answer = line.ask("GET", f"/federation/v1/leads?after={quote(after)}", limit_bytes=LIMIT_BYTES)
        if answer.status == 404:
            return 0  # a centre of the release before
        if answer.status != 200:
            raise refusal(answer)
        try:
            page = msgspec.convert(answer.json(), Page)
        except msgspec.ValidationError as error:
            raise Busy(f"HTTP 200 with an answer that is none: {error}"[:300]) from None
        said += page.leads
        if not page.next:
            break
        after = page.next
    else:
        return 0
    with node.db.write() as session:
        return lead_agency.adopt(session, node, ((one.item_id, one.about) for one in said))
