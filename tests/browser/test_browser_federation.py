"""Raise, receive, acknowledge: two agencies and the national centre, each a real node, each before its own browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.world import World, one_more

pytestmark = [pytest.mark.browser, pytest.mark.slow]
C2 = "198.51.100.99"
SLOW_MS = 20_000


def beacon(world: World) -> None:
    now = time.time()
    events = [
        world.event(
            "network.flow",
            now - 600 + 20 * n,
            source__ip="10.9.0.7",
            destination__ip=C2,
            destination__port=443,
            network__transport="tcp",
        )
        for n in range(20)
    ]
    world.send(events)
    title = ("Kết nối định kỳ tới máy chủ lạ", "Periodic contact with an unknown server")
    reason = (f"10.9.0.7 gọi {C2} đều đặn mỗi 20 giây.", f"10.9.0.7 called {C2} every 20 s.")
    group = {"source.ip": "10.9.0.7", "destination.ip": C2}
    world.send([world.hit("lt-beacon", "high", title, reason, group, events, kind="detector", score=0.9)], "correlator")
    world.wait_for_alerts(1)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World, World]]:
    folder = tmp_path_factory.mktemp("country")
    nodes: list[World] = []
    try:
        centre = World(folder / "centre", agency="quoc-gia", name="Trung tâm Giám sát quốc gia", role="national")
        nodes.append(centre.start("api"))
        for code, name in (("ubnd-tinh-a", "UBND tỉnh A"), ("so-y-te-b", "Sở Y tế tỉnh B")):
            node = World(folder / code, agency=code, name=name, upstream=centre)
            nodes.append(node.start("api"))
            beacon(node)
        yield nodes[0], nodes[1], nodes[2]
    finally:
        for node in nodes:
            node.stop()


def raise_incident(page: Page, title: str) -> None:
    page.wait_for_selector(".grid-row")
    page.locator(".grid-row input[type=checkbox]").first.check()
    page.keyboard.press("m")
    page.get_by_role("dialog").locator("input").fill(title)
    page.get_by_role("dialog").locator("button[type=submit]").click()
    page.wait_for_url("**/#/incidents/SC-*")
    page.get_by_role("button", name="Chuyển lên trung tâm quốc gia").click()
    page.get_by_role("dialog").locator("textarea").fill("Đề nghị trung tâm hỗ trợ xác minh")
    page.get_by_role("dialog").get_by_role("button", name="Chuyển lên trung tâm quốc gia").click()
    expect(page.locator(".delivery .way")).to_contain_text("Trung tâm đã nhận", timeout=SLOW_MS)
    expect(page.locator(".delivery")).to_contain_text("Biên nhận", timeout=SLOW_MS)


def test_an_incident_reaches_the_centre_and_its_word_comes_back(
    open_page: Open, country: tuple[World, World, World], pictures: Path
) -> None:
    centre, first, second = country
    duty = open_page(where=centre).page
    duty.goto(f"{centre.base}/#/inbox")
    expect(duty.locator("main h1")).to_have_text("Tiếp nhận toàn quốc")
    here = open_page(where=first).page
    raise_incident(here, "Máy trạm bị điều khiển từ xa")
    expect(duty.locator(".grid-row")).to_have_count(1, timeout=SLOW_MS)  # an empty list fills by itself
    there = open_page(where=second).page
    raise_incident(there, "Nghi có mã độc ở phòng khám")
    expect(duty.locator(".pill-new")).to_contain_text("1 báo cáo mới", timeout=SLOW_MS)
    duty.keyboard.press("r")
    expect(duty.locator(".grid-row")).to_have_count(2)
    expect(duty.locator(".shared")).to_contain_text(C2)
    expect(duty.locator(".shared")).to_contain_text("2 đơn vị")
    duty.locator(".grid-row", has_text="Máy trạm").click()
    expect(duty.locator(".pane .indicator-shared")).to_contain_text("Sở Y tế tỉnh B")
    expect(duty.locator(".pane")).to_contain_text("Nghi có mã độc ở phòng khám")
    expect(duty.locator(".pane")).to_contain_text("Đề nghị trung tâm hỗ trợ xác minh")
    duty.screenshot(path=pictures / "inbox-vi-light.png")
    duty.keyboard.press("a")
    duty.get_by_role("dialog").locator("textarea").fill("Đã tiếp nhận, cử cán bộ phối hợp")
    duty.get_by_role("dialog").get_by_role("button", name="Tiếp nhận", exact=True).click()
    expect(duty.locator(".pane-head")).to_contain_text("Đã tiếp nhận")
    duty.goto(f"{centre.base}/#/inbox?state=all")
    duty.locator(".rail-tool").first.click()
    expect(duty.locator("html")).to_have_attribute("lang", "en")
    expect(duty.locator(".grid-row")).to_have_count(2)
    expect(duty.locator(".grid-row", has_text="Máy trạm")).to_contain_text("Acknowledged")
    duty.screenshot(path=pictures / "inbox-en-light.png")
    duty.locator(".grid-row", has_text="Máy trạm").click()
    duty.get_by_role("link", name="Open as a page").click()
    expect(duty.locator("main h1")).to_contain_text("Máy trạm")
    duty.wait_for_timeout(500)
    duty.screenshot(path=pictures / "raised-en-light.png")
    # The agency sees it without doing anything.
    expect(here.locator(".words")).to_contain_text("Đã tiếp nhận, cử cán bộ phối hợp", timeout=SLOW_MS)
    expect(here.locator(".way [aria-current=step]")).to_contain_text("Đã tiếp nhận", timeout=SLOW_MS)
    here.wait_for_timeout(300)
    here.screenshot(path=pictures / "incident-raised-vi-light.png")
    here.goto(f"{first.base}/#/system")
    expect(here.get_by_text(re.compile("đã kết nối trung tâm"))).to_be_visible()


def test_an_alert_raised_by_itself_shows_its_way_on_its_page(
    open_page: Open, country: tuple[World, World, World], pictures: Path
) -> None:
    _, first, _ = country
    one_more(first, 7, "high")
    first.wait_for_alerts(2)
    page = open_page(where=first).page
    page.locator(".grid-row", has_text="Cảnh báo thêm 7").click()
    page.get_by_role("link", name="Mở trang riêng").click()
    page.get_by_role("button", name="Chuyển lên trên").click()
    page.get_by_role("dialog").locator("textarea").fill("Nhờ trung tâm xem giúp")
    page.get_by_role("dialog").get_by_role("button", name="Chuyển lên trung tâm quốc gia").click()
    expect(page.locator(".delivery .way [aria-current=step]")).to_contain_text("Trung tâm đã nhận", timeout=SLOW_MS)
    expect(page.locator(".delivery")).to_contain_text(re.compile(r"CB-\d{4}-\d{6} · r1"))
    expect(page.locator(".words")).to_contain_text("biên nhận")
    page.screenshot(path=pictures / "alert-raised-vi-light.png")


def test_the_centre_is_away(open_page: Open, country: tuple[World, World, World]) -> None:
    """Raised while the centre is down: it waits, says so, and arrives when the centre is back."""
    centre, first, _ = country
    page = open_page(where=first).page
    centre.kill("api")
    page.goto(f"{first.base}/#/incidents")
    page.locator(".grid-row").first.click()
    page.get_by_role("button", name="Gửi bản cập nhật lên trung tâm").click()
    page.get_by_role("dialog").locator("textarea").fill("Đã cô lập máy trạm")
    page.get_by_role("dialog").get_by_role("button", name="Chuyển lên trung tâm quốc gia").click()
    expect(page.locator(".way [aria-current=step]")).to_contain_text("Chờ gửi")
    expect(page.locator(".delivery")).to_contain_text("Lỗi gần nhất", timeout=SLOW_MS)
    centre.start("api")
    expect(page.locator(".delivery")).to_contain_text("Biên nhận", timeout=60_000)
