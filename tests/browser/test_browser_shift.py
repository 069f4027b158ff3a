"""A whole shift without a mouse: in by password and code, ten alerts, an incident with its assessment, deadline, first
notice and report upwards, handed over; duty, inventory, palette, keys, out. The node keeps its own default of asking
whoever has power for a second factor.

After every act the focus is somewhere (never on the body), and wherever Tab or an act brings it, it is seen. `Hands`
has no way to point: it presses, types and tabs, and finds things by the name that a screen reader would say.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from api.node.users import act
from tests.browser.conftest import Open
from tests.browser.lived import PASSWORD, SYSTEMS, Client, Lived, table_of
from tests.browser.world import World, one_more

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AGENCY, NAME = "so-y-te", "Sở Y tế"
FAR_MS = 20_000
HERE = """() => { const node = document.activeElement;
  if (!node || node === document.body) return null;
  const style = getComputedStyle(node);
  const named = node.getAttribute('aria-label') || node.labels?.[0]?.querySelector('span')?.textContent ||
    node.labels?.[0]?.textContent || node.textContent || node.title || '';
  return {tag: node.tagName, name: named.trim().replace(/\\s+/g, ' '), value: node.value ?? '',
    ring: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1.5) || style.boxShadow !== 'none'}; }"""


class Hands:
    """A person at a keyboard."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def here(self) -> dict[str, object]:
        """Where the focus is. It may take a frame or two to get there after an act; it may not stay away."""
        return dict(self.page.wait_for_function(HERE, timeout=5_000).json_value())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.here()

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        assert text in str(self.here()["value"])

    def tab(self, name: str, key: str = "Tab", limit: int = 90) -> None:
        """On until the focus is on what has this name; every stop on the way shows that it is the one."""
        for _ in range(limit):
            self.page.keyboard.press(key)
            here = self.here()
            assert here["ring"], f"nobody sees the focus on {here}"
            if re.match(name, str(here["name"])):
                return
        raise AssertionError(f"{name} is not reached by {key}")

    def go(self, first: str, second: str, title: str) -> None:
        self.press(first, second)
        expect(self.page.locator("main h1").first).to_have_text(title)
        self.here()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, lived: Lived) -> Iterator[tuple[World, str]]:
    """A node whose lead has a password and an app for codes, a colleague, its systems and a queue of ten."""
    folder = tmp_path_factory.mktemp("station")
    world = World(folder, agency=AGENCY, name=NAME, upstream=lived.centre, exercise=False, second_factor="admins")
    try:
        world.start("api", "index")
        for username, name in (("mai", "Lê Thị Mai"), ("son", "Phạm Văn Sơn")):
            act(world.config, "user-add", username=username, role="lead", name=name, agency=AGENCY)
        act(world.config, "user-password", username="mai", password=PASSWORD)
        with Client(world, "mai") as mai:
            secret = mai.second_factor()
            mai.post("/systems/import", {"agency": AGENCY, "content": table_of(SYSTEMS), "apply": True})
        for number in range(11):
            one_more(world, number, "high")
        world.wait_for_alerts(11)
        yield world, secret
    finally:
        world.stop()


def enter(hands: Hands, world: World, secret: str) -> None:
    page = hands.page
    expect(page.get_by_label("Tên đăng nhập")).to_be_focused()
    hands.type("mai")
    hands.press("Tab")
    hands.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label(re.compile("^Mã 6 chữ số"))).to_be_focused()
    hands.type(pyotp.TOTP(secret).now())
    page.keyboard.press("Enter")
    page.wait_for_selector("nav.rail")
    expect(page.locator("main h1")).to_be_visible()
    hands.here()


def rows(page: Page) -> list[str]:
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll('.grid-row')]
              .sort((a, b) => a.dataset.place - b.dataset.place).map(row => row.dataset.id)"""
        )
    )


def triage(hands: Hands) -> None:
    """Ten alerts: read, claimed, closed with each of the six words, one taken back, one put off."""
    page = hands.page
    hands.press("g", "q")
    expect(page.locator(".grid-row")).to_have_count(11)
    first = rows(page)
    hands.press("j", "k", "Enter")
    expect(page.locator(".pane .reason")).to_be_visible()
    hands.press("j", "u")
    expect(page.locator(".pane")).to_have_count(0)
    for number, word in enumerate("123456", 1):
        hands.press("e")
        expect(page.get_by_role("dialog")).to_be_visible()
        hands.press(word)
        if word == "3":  # a false positive must say why
            hands.type("Máy quét định kỳ của đơn vị")
            hands.tab("Đóng: Báo nhầm")
            hands.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator(".grid-row")).to_have_count(11 - number)
        hands.here()
    with page.expect_response("**/reopen"):
        hands.press("z")
    expect(page.locator(".grid-row")).to_have_count(6)
    hands.press("s")
    hands.press("2")
    hands.type("Chờ đơn vị xác minh")
    hands.tab("Tạm hoãn")
    hands.press("Enter")
    expect(page.locator(".grid-row")).to_have_count(5)
    for _ in range(3):
        with page.expect_response("**/claim"):
            hands.press("a")
        hands.press("j")
    assert len(first) - len(rows(page)) == 6
    hands.here()


def choose(hands: Hands, wanted: str) -> None:
    """In the list that has the focus, as the arrows do."""
    page = hands.page
    values = page.evaluate("() => [...document.activeElement.options].map(one => one.value)")
    for _ in values:
        hands.press("ArrowUp")
    for _ in values:
        if hands.here()["value"] == wanted:
            return
        hands.press("ArrowDown")
    assert hands.here()["value"] == wanted


def incident(hands: Hands, tmp_path: Path) -> None:
    page = hands.page
    hands.press("Home", "m")
    expect(page.get_by_role("dialog").locator("input")).to_be_focused()
    hands.type("Nghi có mã độc ở phòng khám")
    hands.press("Enter")
    page.wait_for_url("**/#/incidents/SC-*")
    expect(page.locator(".clock-list li").first).to_be_visible()
    hands.here()
    hands.tab("Đánh giá sự cố")
    hands.press("Enter")
    hands.tab("Sự cố nghiêm trọng") if not str(hands.here()["name"]).startswith("Sự cố nghiêm") else None
    hands.press("Space")
    hands.tab("Lý do")
    hands.type("Nhiều máy trạm cùng gọi một máy chủ lạ")
    hands.tab("Xác nhận")
    hands.press("Enter")
    expect(page.locator(".clock-list")).to_contain_text("Thông báo ban đầu về sự cố nghiêm trọng")
    hands.tab("Mẫu")
    choose(hands, "first")
    hands.tab("Lập văn bản")
    hands.press("Enter")
    expect(page.get_by_role("link", name=".docx")).to_be_visible(timeout=FAR_MS)
    hands.tab(r"\.docx")
    with page.expect_download() as taken:
        hands.press("Enter")
    notice = tmp_path / "notice.docx"
    taken.value.save_as(notice)
    assert notice.read_bytes().startswith(b"PK")
    hands.tab("Chuyển lên trung tâm quốc gia", key="Shift+Tab")
    hands.press("Enter")
    hands.type("Đề nghị trung tâm hỗ trợ")
    hands.tab("Chuyển lên")
    hands.press("Enter")
    expect(page.locator(".delivery .way")).to_contain_text("Trung tâm đã nhận", timeout=FAR_MS)
    hands.press("c")
    hands.type("Đã cô lập hai máy trạm")
    hands.tab("Ghi chú")
    hands.press("Enter")
    expect(page.locator(".history")).to_contain_text("Đã cô lập hai máy trạm")
    hands.tab("Bàn giao điều phối")
    hands.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    if hands.here()["tag"] != "SELECT":
        hands.tab("Người nhận")
    choose(hands, str(page.evaluate("() => document.activeElement.options[1].value")))
    hands.tab("Gửi đề nghị")
    hands.press("Enter")
    expect(page.locator(".handover")).to_contain_text("Phạm Văn Sơn")
    hands.here()


def test_a_shift_without_a_mouse(open_page: Open, station: tuple[World, str], tmp_path: Path) -> None:
    world, secret = station
    watched = open_page(signed_in=False, where=world)
    hands, page = Hands(watched.page), watched.page
    started = time.monotonic()
    enter(hands, world, secret)
    triage(hands)
    incident(hands, tmp_path)
    hands.go("g", "w", "Trang trực")
    hands.go("g", "t", "Hệ thống thông tin")
    hands.press("/")
    hands.type("dich vu cong")
    hands.press("Enter")
    expect(page.locator(".grid-row")).to_have_count(1)
    hands.press("Escape", "Enter")
    expect(page.locator(".pane")).to_contain_text("Cổng dịch vụ công trực tuyến")
    hands.press("u")
    hands.press("Control+KeyK")
    expect(page.get_by_role("dialog")).to_be_visible()
    hands.type("thoi han")
    hands.press("Enter")
    expect(page.locator("main h1")).to_have_text("Thời hạn báo cáo")
    expect(page.locator(".grid-row").first).to_be_visible()
    hands.press("Shift+Slash")
    expect(page.get_by_role("dialog")).to_contain_text("Nhận xử lý" if page.url.endswith("alerts") else "Xuống")
    hands.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    hands.here()
    hands.tab("Đăng xuất", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Tên đăng nhập")).to_be_focused()
    assert time.monotonic() - started < 600  # the anchor of ux.md is 100 alerts in ten minutes
