"""Two nodes that have worked for a while: a city's node and the national centre, with something to see on every screen.

In:  a folder. Out: the two worlds, and the addresses of things in them (`places`), for the table of screens.py.
All of it comes in as it does in life: events and hits through the machine port, everything else through the people
port's own routes with a session, so that nothing on a screen is a state that the product cannot reach. Neither node is
in an exercise: only a real centre has a register of provinces.
"""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp

from api.node.init import FIRST_USER
from api.node.users import act
from correlator.indicators.live import Indicators
from correlator.indicators.table import IndicatorTable, tables_folder
from correlator.indicators.verdict import hit_of
from sensors.event import put
from tests.browser.world import PATIENCE_S, ROOT, World, story

CITY, CITY_NAME = "ubnd-hue", "UBND thành phố Huế"
PASSWORD = "tre già măng mọc 1954"
SYSTEMS = """\
Tên hệ thống;Loại;Cấp độ;Chủ quản;Liên hệ 24/7;Tên miền, URL;Bí mật nhà nước
Cổng dịch vụ công trực tuyến;Cổng dịch vụ công;4;Sở Khoa học và Công nghệ;0234 3999 000;https://dichvucong.example;
Thư điện tử công vụ;mail;3;Văn phòng UBND thành phố;;mail.hue.example;
Trục liên thông văn bản;interchange;3;;;10.20.9.0/24;
Cơ sở dữ liệu cán bộ, công chức, viên chức toàn thành phố;database;5;Sở Nội vụ;;10.20.66.0/24;có
Trang thông tin điện tử;portal;;;;hue.example;
"""
ASSETS = """\
Tên máy,Loại,Địa chỉ,Hệ thống
cong-dvc-01,server,"10.20.1.5, 10.20.0.9",Cổng dịch vụ công trực tuyến
may-tram-15,workstation,10.20.1.15,
"""
REASON = "Cổng dịch vụ công bị chiếm quyền, người dân không nộp được hồ sơ"


class Client:
    """The people port as a program uses it: a one-time link, then the session's cookie and its CSRF token."""

    def __init__(self, world: World, username: str = FIRST_USER) -> None:
        self.http = httpx.Client(base_url=f"{world.base}/api/v1", timeout=30, headers={"Origin": world.base})
        token = parse_qs(urlsplit(world.link(username).replace("/#/", "/")).query)["token"][0]
        self.http.headers["X-CSRF-Token"] = self.send("POST", "/session/link", {"token": token})["csrf"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def send(self, method: str, path: str, body: object = None, **query: str | int) -> Any:
        answer = self.http.request(method, path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def get(self, path: str, **query: str | int) -> Any:
        return self.send("GET", path, **query)

    def post(self, path: str, body: object = None) -> Any:
        return self.send("POST", path, body)

    def second_factor(self) -> str:
        """An app for codes, as the person would set it up; its secret. The code is the last one's: the next log-in has
        the one of now, and no code counts twice."""
        secret = str(self.post("/account/totp")["secret"]).replace(" ", "")
        self.post("/account/totp/check", {"code": pyotp.TOTP(secret).at(time.time() - 30)})
        return secret


def table_of(text: str) -> str:
    """A CSV file as the import's route takes it."""
    return b64encode(text.encode("utf-8-sig")).decode()


@dataclass
class Lived:
    city: World
    centre: World
    places: dict[str, str] = field(default_factory=dict)

    def stop(self) -> None:
        self.city.stop()
        self.centre.stop()


def until(ask: Any, what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"not after {PATIENCE_S} s: {what}")


def _moment(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def _inventory(desk: Client) -> None:
    for kind, table in (("systems", SYSTEMS), ("assets", ASSETS)):
        desk.post(f"/{kind}/import", {"agency": CITY, "content": table_of(table), "apply": True})


def _services(world: World, desk: Client) -> str:
    now = time.time()
    rows = (
        ("cong-dvc", "Cổng dịch vụ công trực tuyến", 12, "down"),
        ("mot-cua", "Một cửa điện tử", 40, "up"),
        ("mail", "Thư điện tử công vụ", 3, "slow"),
        ("ioffice", "Quản lý văn bản và điều hành", 0, "up"),
    )
    for key, name, bad, state in rows:
        events = []
        for n in range(48):
            # Down at the end, or for a while in the middle: a board without any past outage shows little.
            off = n >= 48 - bad if state == "down" else 10 <= n < 10 + bad // 10
            shown = "down" if off else ("slow" if state == "slow" and n > 40 else "up")
            events.append(
                world.event(
                    "service.availability", now - 60 * (48 - n), service__id=key, service__name=name,
                    service__state=shown, event__outcome="failure" if off else "success", luytre__probe__kind="http",
                    luytre__probe__every_s=60.0, luytre__probe__latency_ms=None if off else 90.0 + 7 * (n % 9),
                    destination__address="dichvucong.example" if key == "cong-dvc" else f"{key}.hue.example",
                )
            )  # fmt: skip
        world.send(events)
    found = until(lambda: desk.get("/services", q="Cổng dịch vụ công trực")["items"], "the services")
    body = {
        "services": [found[0]["id"]],
        "since": _moment(20),
        "until": _moment(23),
        "note": "Nâng cấp máy chủ ứng dụng",
    }
    desk.post("/maintenance", body)
    return str(found[0]["id"])


def _people(world: World) -> None:
    for username, role, name in (("lan", "analyst", "Nguyễn Thị Lan"), ("hung", "lead", "Trần Quốc Hùng")):
        act(world.config, "user-add", username=username, role=role, name=name, agency=world.agency)
    act(world.config, "user-grant", username=FIRST_USER, role="auditor")
    act(world.config, "user-grant", username=FIRST_USER, role="admin")


def _duty(desk: Client) -> None:
    me = desk.get("/session")["user"]["id"]
    desk.send("PUT", "/duty/me", {"mail": "truc@hue.example.vn", "phone": "+84 234 3999 001"})
    team = desk.post("/duty/teams", {"agency": CITY, "name": "Tổ trực an ninh mạng", "lead_id": me, "members": [me]})
    for weekdays, start, end in (([0, 1, 2, 3, 4], 480, 1020), ([0, 1, 2, 3, 4, 5], 1020, 480), ([5, 6], 480, 1020)):
        body = {"user_id": me, "weekdays": weekdays, "from_min": start, "until_min": end}
        desk.post(f"/duty/teams/{team['id']}/shifts", body)
    channel = desk.post("/notices/channels", {
        "agency": CITY, "name": "Thư của đơn vị", "kind": "mail", "secret": "một mật khẩu", "enabled": False,
        "settings": {"host": "mail.hue.example", "sender": "soc@hue.example", "to": ["a@hue.example"], "user": "soc"},
    })  # fmt: skip
    desk.post("/notices/routes", {"agency": CITY, "level": "high", "team_id": team["id"], "steps": [5, 15, 30],
                                  "hours": "any", "window_s": 60})  # fmt: skip
    desk.post("/notices/routes", {"agency": CITY, "level": "critical", "grade": 3, "kinds": ["alert", "incident"],
                                  "channel_id": channel["id"], "hours": "off"})  # fmt: skip


def _incident(desk: Client) -> str:
    alerts = [one["id"] for one in desk.get("/alerts", q="SSH")["items"]]
    made = desk.post("/incidents", {"alert_ids": alerts, "title": "Máy cổng dịch vụ công bị chiếm quyền điều khiển"})
    path = f"/incidents/{made['id']}"
    desk.post(f"{path}/assessment", {"serious": True, "harm": True, "interrupted": True, "reason": REASON})
    desk.post(f"{path}/particulars", {"description": REASON, "actions": "Đã cách ly máy chủ, khóa tài khoản root"})
    desk.post(f"{path}/documents", {"form_id": "first"})
    desk.post(f"{path}/note", {"text": "Đã gọi đơn vị vận hành, đang thu thập nhật ký"})
    clocks = desk.get(f"{path}/clocks")["clocks"]
    desk.post(f"/clocks/{clocks[0]['id']}/meet", {"at": _moment(0), "number": "21/BC-UBND"})
    desk.post(f"{path}/raise", {"note": "Đề nghị trung tâm hỗ trợ xác minh"})
    return str(made["id"])


ANNEX = """\
Chỉ dấu;Ghi chú;Độ tin cậy;TLP
45.66.77.88;máy chủ điều khiển;90;red
cap-nhat-hethong.top;tên miền giả mạo trang cập nhật;;
hxxps://cap-nhat-hethong[.]top/tai-ve/cong-van.exe;đường dẫn tải mã độc;60;amber+strict
9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08;mẫu tệp;;
9.9.9.9;máy chủ phân giải mà mã độc dùng;40;
"""
SCANNER = "3afbc999-558c-4fba-aac5-95b74b311326"  # rules/web/scanner_user_agent.yml


def _indicators(world: World, desk: Client) -> None:
    """A letter's annex, one of its values met, what is stored looked through."""
    known = {"agency": CITY, "content": ANNEX, "name": "Công văn 1664/CATTT-NCSC", "tlp": "amber+strict"}
    asked = next(one for one in desk.post("/indicators/preview", known)["lines"] if one["state"] == "asked")
    source = desk.post("/indicators/import", {**known, "yes": [asked["key"]]})["source"]
    flow = world.event("network.flow", time.time() - 400, source__ip="10.20.1.15", destination__ip="45.66.77.88",
                       host__name="may-tram-15")  # fmt: skip
    world.send([flow])
    put(flow, "organization.id", CITY)
    files = until(lambda: list(tables_folder(world.data).glob("*.ltind")), "the set of indicators")
    stage = Indicators({table.agency: table for table in map(IndicatorTable, files)})
    world.send([hit_of(sighted) for sighted in [*stage.feed(flow, time.time()), *stage.finish()]], "correlator")
    until(lambda: desk.get("/indicators", seen="true")["items"], "the sighting")
    hunt = desk.post("/indicators/hunts", {"agency": CITY, "source": source, "days": 90})
    until(lambda: desk.get(f"/indicators/hunts/{hunt['id']}")["state"] == "done", "the sweep")


def _exceptions(world: World, desk: Client) -> str:
    """One that holds, one that ended; an alert that a third may be made of."""
    for number, user_agent in enumerate(("Nessus SOAP", "WPScan v3.8", "nuclei/3.2")):
        source = f"10.20.9.{number + 7}"
        events = [
            world.event(
                "nginx.access", time.time() - 900 + n, source__ip=source, host__name="cong-dvc-01",
                http__request__method="GET", url__path=f"/thu-muc-{n}", user_agent__original=user_agent,
                http__response__status_code=404,
            ) for n in range(12)
        ]  # fmt: skip
        world.send(events)
        title = ("Công cụ rà quét lỗ hổng web truy cập trang", "Attack scanner names itself")
        reason = (f"{source} rà quét trang bằng {user_agent}", f"{source} scans with {user_agent}")
        hits = [world.hit(SCANNER, "low", title, reason, {"source.ip": source}, [one]) for one in events]
        world.send(hits, "correlator")
    alerts = until(lambda: _three(desk.get("/alerts", rule=SCANNER)["items"]), "the scans")
    made = []
    for alert in alerts[:2]:
        proposal = until(lambda alert=alert: _chosen(desk, alert["id"]), "events to except")
        draft = {"alert_id": alert["id"], "conditions": proposal}
        notes = desk.post("/exceptions/preview", draft)["must_accept"]
        made.append(desk.post("/exceptions", {**draft, "reason": "Đợt rà quét định kỳ của Sở theo kế hoạch số 12",
                                              "accepted": notes}))  # fmt: skip
    desk.post(f"/exceptions/{made[0]['id']}/end", {"reason": "Đã kết thúc đợt rà quét"})
    return str(alerts[2]["id"])


def _three(alerts: list[Any]) -> list[Any]:
    return alerts if len(alerts) == 3 else []


def _chosen(desk: Client, alert: str) -> list[Any]:
    found = desk.get(f"/alerts/{alert}/exception")["conditions"]
    return [one["condition"] for one in found if one["chosen"]]


def live(folder: Path) -> Lived:
    """Both nodes up and filled; whoever calls stops them."""
    centre = World(folder / "centre", agency="quoc-gia", name="Trung tâm Giám sát quốc gia", role="national",
                   exercise=False).start("api")  # fmt: skip
    city = World(folder / "city", agency=CITY, name=CITY_NAME, upstream=centre, exercise=False)
    lived = Lived(city, centre)
    try:
        fill(lived)
    except BaseException:
        lived.stop()
        raise
    return lived


def fill(lived: Lived) -> None:
    city, centre = lived.city.start("api", "index"), lived.centre
    _people(city)
    with Client(city) as desk:
        _inventory(desk)
        _duty(desk)
        story(city)
        lived.places["service"] = _services(city, desk)
        lived.places["incident"] = _incident(desk)
        _indicators(city, desk)
        lived.places["excepted"] = _exceptions(city, desk)
        lived.places["alert"] = desk.get("/alerts", sort="-level")["items"][0]["id"]
        lived.places["sensor"] = str(desk.get("/sensors")["items"][0]["id"])
        lived.places["person"] = str(desk.get("/users", q="lan")["items"][0]["id"])
    with Client(centre) as duty:
        act(centre.config, "user-grant", username=FIRST_USER, role="auditor")
        # Its own job would take it in half a minute later.
        register = (ROOT / "api/organisation/starter.csv").read_text("utf-8")
        duty.post("/organisation/import", {"units": register})
        lived.places["raised"] = until(lambda: duty.get("/inbox")["items"], "the raised incident")[0]["id"]
        until(lambda: any(cell for cell in duty.get("/national")["agencies"]), "the report of the city")
        duty.post(f"/national/agencies/{CITY}/unit", {"unit": "hue"})
        duty.post(
            f"/national/agencies/{CITY}/reminder", {"about": "other", "text": "Đề nghị báo cáo tiến độ xử lý sự cố"}
        )
        lived.places["agency"] = CITY
