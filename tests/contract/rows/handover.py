"""A person is made per agency to whom its incident can be handed; an answer to no offer is 409."""

from __future__ import annotations

from tests.contract.rows import Rows
from tests.servers.people_port import NodeUnderTest


def _make(node: NodeUnderTest, agency: str, words: str) -> dict[str, str]:
    return {"to_number": str(node.add_user(f"nhan-{agency}", ("analyst", agency)))}


ROWS = Rows(
    {
        ("GET", "/incidents/{incident_id}/handover"): ("", None, 200),
        ("POST", "/incidents/{incident_id}/handover"): ("", {"to": 0}, 422),
        ("POST", "/incidents/{incident_id}/handover/answer"): ("", {"answer": "withdraw"}, 409),
    },
    _make,
)
