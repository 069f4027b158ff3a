"""The exercise, told step by step; each step waits for what must follow from it and fails when it does not.

packets and lines read → events stored → hits → alerts → incident raised → receipt → shared indicator → a word back
In:  a World that is not yet started. Out: `tell(vi, en)` per step; NotAsTold when a step does not come true in time.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from api.node.exercise import estate
from api.node.exercise.people import Person
from api.node.exercise.scene import BEACON_EVERY_S, BEACONS, CONTROL, FAILURES, SCANNED_PORTS, Scene
from api.node.exercise.world import NAMES, Site, World
from api.node.supervise import wait_for
from correlator.store import open_reader
from correlator.store.base import Gap, Stream
from sensors.config import Config
from sensors.errors import LuytreError
from sensors.event import Event

PORT_SCAN = "002546c0-3391-4917-9816-180b4bf972a5"
SSH_BRUTE_FORCE = "c5d73062-c77c-4f32-a150-b986ce5f39d6"
SSH_LOGIN_AFTER = "8f7f80da-a084-4d10-bc8f-f255a99d0263"
SERVICE_DOWN = "27342ce4-1b74-4acd-97d7-ca1d0b342204"
BEACONING = "5d1f6f7c-6f0e-4a3c-9c53-0e8c1c2b7a11"  # correlator/detectors/beaconing.py
STEP_LIMIT_S = 90.0


class Tell(Protocol):
    def __call__(self, vi: str, en: str) -> None: ...


class NotAsTold(Exception):
    """A step of the exercise did not come true."""


def play(world: World, portal: subprocess.Popen[bytes], tell: Tell) -> None:
    started = time.monotonic()
    world.start()
    first, second = world.agencies
    tell(f"ba nút đã chạy, hai đơn vị đã ghi danh ({time.monotonic() - started:.1f} s)", "three nodes up, two enrolled")
    scenes = {site.code: Scene(number) for number, site in enumerate(world.agencies, 20)}
    people = {site.code: site.person() for site in world.sites}
    try:
        tests = _estate(world, scenes, people, tell)
        _ordinary_day(world, scenes, tell)
        found = _attack_on(first, scenes[first.code], people[first.code], tell)
        incident = _raise_incident(people[first.code], found, tell)
        _noticed(people[first.code], {alert["id"] for alert in found} | {incident}, tell)
        _second_agency(second, scenes[second.code], people[second.code], portal, tell)
        _centre(people[world.centre.code], people[first.code], incident, world, tell)
        _national(people, world, tests, tell)
        for site in world.agencies:
            _nothing_lost(site, tell)
    finally:
        for person in people.values():
            person.close()


def _estate(world: World, scenes: dict[str, Scene], people: dict[str, Person], tell: Tell) -> list[estate.SelfTest]:
    """Before anything happens: systems are on the register, somebody is on duty, each way is being tested."""
    count = 0
    for site in world.agencies:
        count += estate.systems(site, people[site.code], scenes[site.code])
        estate.route_to_duty(site, people[site.code])
    tell(f"danh mục: {count} hệ thống có cấp độ; người trực nhận thông báo", "systems with grades; somebody on duty")
    return [estate.start_test(site) for site in world.agencies]


def _noticed(person: Person, refs: set[str], tell: Tell) -> None:
    found = _until(lambda: estate.notices(person, refs), "a notice for whoever is on duty")
    if any(one["channel"] for one in found["items"]):
        raise NotAsTold("a notice of an exercise went over a channel")
    tell(f"người trực được báo: {found['total']} thông báo, không gửi ra ngoài máy", "whoever is on duty is told")


def _national(people: dict[str, Person], world: World, tests: list[estate.SelfTest], tell: Tell) -> None:
    """The centre's table and map: both agencies report, and count as connected once their tests came through."""
    for test in tests:
        raised = _until(lambda: estate.raise_test(test, people[test.site.code]), "the self-test's alert", test.site)  # noqa: B023
        assert raised
    duty, codes = people[world.centre.code], {site.code for site in world.agencies}

    def connected() -> Any:
        rows = estate.rows(duty, codes)
        return rows if len(rows) == len(codes) and all(row["state"] == "connected" for row in rows.values()) else None

    rows = _until(connected, f"both agencies connected in the national view: {codes}")
    if not all(row["exercise"] for row in rows.values()):
        raise NotAsTold("a report of an exercise does not say so")
    [monitored] = [tile for tile in duty.get("/national")["tiles"] if tile["id"] == "monitored"]
    tell(f"toàn quốc: {monitored['part']}/{monitored['whole']} đơn vị kết nối, có báo cáo và tự kiểm tra",
         "the national view: both report and are connected")  # fmt: skip


def _ordinary_day(world: World, scenes: dict[str, Scene], tell: Tell) -> None:
    now = time.time()
    for site in world.agencies:
        stage, scene = _stage(site), scenes[site.code]
        stage.write([*scene.visits(now, 60), *scene.office_logins(now, 4)])
        stage.capture(scene.browsing(now - 120, 20))
    lines = sum(_stage(site).lines for site in world.agencies)
    packets = sum(_stage(site).packets for site in world.agencies)
    tell(
        f"ngày thường: {lines} dòng nhật ký, {packets} gói tin ở hai đơn vị",
        f"{lines} lines and {packets} packets read",
    )
    for site in world.agencies:
        _until(_all_stored(site), f"{site.code}: every ordinary event stored", site)
    tell("mọi sự kiện đã được lưu bền", "every event stored")


def _attack_on(site: Site, scene: Scene, person: Person, tell: Tell) -> list[dict[str, Any]]:
    now, stage = time.time(), _stage(site)
    stage.capture(scene.scan(now - 30))
    found = [_alert(site, person, PORT_SCAN)]
    grade = (person.get(f"/alerts/{found[-1]['id']}")["system"] or {}).get("grade")
    if grade != estate.PORTAL_GRADE:
        raise NotAsTold(f"the alert does not know its system: grade {grade}")
    tell(
        f"cổng bị dò quét ({SCANNED_PORTS} cổng) → {found[-1]['id']}, hệ thống cấp độ {grade}", "the portal is scanned"
    )
    stage.write(scene.guessing(now - FAILURES))
    found += [_alert(site, person, SSH_BRUTE_FORCE), _alert(site, person, SSH_LOGIN_AFTER)]
    tell(f"dò mật khẩu SSH, lần thứ {FAILURES + 1} đăng nhập được → {found[-2]['id']}, {found[-1]['id']}",
         "a password is guessed, then a log-in")  # fmt: skip
    stage.capture(scene.beacon(now - BEACONS * BEACON_EVERY_S))
    found.append(_alert(site, person, BEACONING, f"destination.ip:{CONTROL}"))
    tell(f"máy bị chiếm gọi về máy chủ điều khiển {CONTROL} → {found[-1]['id']}", "the host beacons")
    return found


def _raise_incident(person: Person, alerts: list[dict[str, Any]], tell: Tell) -> str:
    incident = person.post("/incidents", {"alert_ids": [alert["id"] for alert in alerts]})
    person.post(f"/incidents/{incident['id']}/raise", {"note": "Đề nghị trung tâm hỗ trợ xử lý. (DIỄN TẬP)"})
    tell(f"sự cố {incident['id']} gồm {len(alerts)} cảnh báo, đã báo cáo lên trung tâm", "incident raised")
    running = estate.deadlines(person, incident["id"])
    if not running:
        raise NotAsTold("a serious incident has no deadline")
    soonest = min(one["due_at"] for one in running)
    tell(
        f"sự cố nghiêm trọng: {len(running)} thời hạn báo cáo đang chạy, gần nhất {soonest[:16]}Z", "its deadlines run"
    )
    delivery = _until(lambda: _received(person, incident["id"]), "the centre's receipt")
    tell(f"trung tâm đã nhận: biên nhận {delivery['receipt']['id']}", "receipt")
    return str(incident["id"])


def _received(person: Person, incident: str) -> Any:
    delivery = person.get(f"/incidents/{incident}")["delivery"]
    if delivery and delivery["state"] == "refused":
        raise NotAsTold(f"the centre refused the item: {delivery['reason']}")
    return delivery if delivery and delivery["state"] in ("received", "acknowledged") else None


def _second_agency(site: Site, scene: Scene, person: Person, portal: subprocess.Popen[bytes], tell: Tell) -> None:
    _stage(site).capture(scene.beacon(time.time() - BEACONS * BEACON_EVERY_S))
    portal.kill()
    portal.wait()
    alert = _alert(site, person, BEACONING, f"destination.ip:{CONTROL}")
    tell(f"đơn vị B cũng gọi về {CONTROL} → {alert['id']} (tự báo cáo)", "the second agency meets it too")
    alert = _alert(site, person, SERVICE_DOWN)
    tell(f"cổng của đơn vị B ngừng trả lời → {alert['id']}", "the second portal stops answering")
    [service] = _until(lambda: person.get("/services", state="down")["items"], "the portal on the list of services")
    tell(f"bảng dịch vụ: {service['name']} ngừng trả lời ({service['id']})", "the list of services shows it down")


def _centre(duty: Person, analyst: Person, incident: str, world: World, tell: Tell) -> None:
    codes = {site.code for site in world.agencies}

    def inbox() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = duty.get("/inbox", state="all")["items"]
        return items if {item["agency"] for item in items} == codes else None

    items = _until(inbox, "items of both agencies in the national inbox")
    tell(f"hộp thư quốc gia: {len(items)} mục từ {len(codes)} đơn vị", "both are in the national inbox")

    def shared() -> Any:
        rows = duty.get("/inbox/shared")["items"]
        return next((row for row in rows if row["value"] == CONTROL and len(row["agencies"]) == 2), None)

    _until(shared, f"{CONTROL} shown as shared by two agencies")
    tell(f"chỉ dấu chung của hai đơn vị: {CONTROL}", "they share an indicator")
    raised = next(item for item in items if item["kind"] == "incident")
    duty.post(f"/inbox/{raised['id']}/acknowledge", {"text": "Trung tâm đã tiếp nhận, cử đầu mối phối hợp."})

    def acknowledged() -> Any:
        words = analyst.get(f"/incidents/{incident}")["words"]
        return next((word for word in words if word["kind"] == "acknowledged"), None)

    word = _until(acknowledged, "the centre's word at the agency")
    tell(f"lời của trung tâm đã về tới đơn vị: “{word['text']}”", "the centre's word came back")


def _nothing_lost(site: Site, tell: Tell) -> None:
    difference = _difference(site)
    if not difference.clean:
        raise NotAsTold(f"{site.code}: manifest and store differ: {difference}")
    tell(f"{NAMES[site.code]}: {difference.issued} sự kiện phát ra, {difference.stored} lưu, mất 0, trùng 0",
         "nothing lost, nothing doubled")  # fmt: skip


def _alert(site: Site, person: Person, rule: str, entity: str = "") -> dict[str, Any]:
    def look() -> Any:
        items = person.get("/alerts", status="all", rule=rule, agency=site.code, entity=entity)["items"]
        return items[0] if items else None

    found: dict[str, Any] = _until(look, f"{site.code}: an alert of {rule}", site)
    return found


def _all_stored(site: Site) -> Callable[[], bool]:
    return lambda: not _difference(site).lost


def _difference(site: Site) -> Any:
    assert site.manifest is not None
    return site.manifest.compare(stored_events(site))


def stored_events(site: Site, stream: Stream = "events") -> Iterable[Event]:
    """Every event of a node's store, in its order."""
    reader = open_reader(Config(site.config))
    try:
        cursor = None
        while True:
            page = reader.tail(cursor, 2000, stream)
            if isinstance(page, Gap):
                raise NotAsTold(f"{site.code}: the store has a gap of {page.lost}")
            if not page.events:
                return
            yield from page.events
            cursor = page.next
    finally:
        reader.close()


def _until(look: Callable[[], Any], what: str, *sites: Site) -> Any:
    try:
        return wait_for(look, what, *(site.supervisor for site in sites), limit_s=STEP_LIMIT_S)
    except LuytreError as error:
        raise NotAsTold(error.show()) from None


def _stage(site: Site) -> Any:
    assert site.stage is not None
    return site.stage
