from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from api.jobs import services as job
from api.state.cases import Alert
from api.state.services import Outage, Service, Window
from sensors.event import new_event
from tests.contract.rows import UNTIL, Rows
from tests.servers.people_port import NOW, NodeUnderTest


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    """A service out of its probe's result, an outage of it that joined an incident, a window over it."""
    text = {"service.id": words[:60], "service.name": words, "luytre.probe.system": words, "observer.name": words,
            "destination.address": words, "luytre.probe.reason": words[:60]}  # fmt: skip
    events = [
        new_event("service.availability", NOW - 60 * (2 - n),
                  {"event.id": f"dv-{agency}-{n}", "organization.id": agency, "service.state": "down",
                   "event.outcome": "failure", "luytre.probe.kind": "http", **text})
        for n in range(2)
    ]  # fmt: skip
    node.store(events)
    job.run(node.runtime)
    with node.runtime.db.write() as session:
        service = session.scalars(select(Service).where(Service.agency == agency)).one()
        alert = session.scalars(select(Alert).where(Alert.agency == agency, Alert.incident_id.is_not(None))).first()
        outage = session.scalars(select(Outage).where(Outage.service_id == service.id)).one()
        assert alert is not None
        outage.alert_id, outage.incident_id = alert.id, alert.incident_id
        window = Window(id=f"BT-{agency}"[:24], agency=agency, services=[service.id], since=NOW + 60, until=NOW + 7200,
                        note=words, retroactive=False, created_by=words, created_at=NOW)  # fmt: skip
        session.add(window)
        return {"service_id": service.id, "outage_id": str(outage.id), "window_id": window.id}


ROWS = Rows(
    {
        ("GET", "/services"): ("?q=canary", None, 200),
        ("GET", "/services/export"): ("", None, 200),
        ("GET", "/services/board"): ("", None, 200),
        ("GET", "/services/{service_id}"): ("", None, 200),
        ("POST", "/services/{service_id}/retire"): ("", {}, 204),
        ("POST", "/services/{service_id}/outages/{outage_id}/unlink"): ("", {}, 200),
        ("GET", "/maintenance"): ("", None, 200),
        ("POST", "/maintenance"): (
            "",
            {"services": ["{service_id}"], "since": "2026-11-18T10:30:00Z", "until": UNTIL, "note": "x"},
            201,
        ),
        ("POST", "/maintenance/{window_id}/cancel"): ("", {}, 200),
    },
    make,
)
