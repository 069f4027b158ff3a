"""What an exercising agency knows of itself and whom it tells: systems with grades, deadlines, notices, its own test.

In:  a running Site and a Person at it. Out: what a later step compares; NotAsTold is the story's business.
Notices stay in this node: the only route leads to a person's own page, and no channel is made. No real agency, system
or address is named.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from api.federation.selftest import RULE
from api.local_port import ask
from api.node.exercise.people import Person
from api.node.exercise.scene import Scene
from api.node.exercise.world import Site
from sensors.event import event_id
from sensors.sources import selftest as source

PORTAL_GRADE, RECORDS_GRADE = 3, 4


def systems(site: Site, person: Person, scene: Scene) -> int:
    """The register of systems: the portal (its address, and what the probe calls it), and the host that is taken."""
    for name, kind, grade, names in (
        ("cong-dvc", "services", PORTAL_GRADE, [scene.portal]),
        ("Kho hồ sơ (diễn tập)", "database", RECORDS_GRADE, [scene.victim, scene.host]),
        ("Nền tảng chia sẻ dữ liệu (diễn tập)", "sharing", PORTAL_GRADE, []),
    ):
        person.post("/systems", {"agency": site.code, "name": name, "kind": kind, "grade": grade, "names": names,
                                 "owner": "Bộ phận vận hành (diễn tập)"})  # fmt: skip
    return int(person.get("/systems")["total"])


def route_to_duty(site: Site, person: Person) -> None:
    """Whoever is on duty here is told of everything from level medium on, on their own page."""
    [me] = person.get("/notices/people")["items"]
    person.post("/notices/routes", {"agency": site.code, "level": "medium", "user_id": me["id"]})


def notices(person: Person, refs: set[str]) -> Any:
    """The sendings, once one of them is about one of these."""
    found = person.get("/notices/deliveries")
    about = {one["ref"] for one in found["items"]}
    return found if about & refs or any(one["count"] > 1 for one in found["items"]) else None


def deadlines(person: Person, incident: str) -> list[dict[str, Any]]:
    """The clocks that run once the duty lead calls the incident serious."""
    found = person.post(f"/incidents/{incident}/assessment", {
        "serious": True, "reason": "Máy chủ hồ sơ bị chiếm quyền. (DIỄN TẬP)"})  # fmt: skip
    return [one for one in found["clocks"] if one["state"] == "running"]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A test event that has been asked for."""

    site: Site
    id: str
    asked: float


def start_test(site: Site) -> SelfTest:
    request = source.Request(secrets.token_hex(8), "dien-tap", time.time())
    assert site.manifest is not None
    site.manifest.selftest(request.id)
    source.ask(site.data, request)
    return SelfTest(site, request.id, request.asked)


def raise_test(test: SelfTest, person: Person) -> bool:
    """Raises the test's own alert when it is there, as `luytre selftest` does."""
    items = person.get("/alerts", status="all", rule=RULE)["items"]
    if not items:
        return False
    event = event_id(f"cam-bien-{test.site.code}", "selftest", test.id)
    done = ask(test.site.data, "selftest-raise", test=test.id, asked=test.asked, event=event, alert=items[0]["id"])
    return done is not None


def rows(duty: Person, codes: set[str]) -> dict[str, dict[str, Any]]:
    """The national table's rows of these agencies."""
    found = duty.get("/national")["agencies"]
    return {row["agency"]: row for row in found if row["agency"] in codes}
