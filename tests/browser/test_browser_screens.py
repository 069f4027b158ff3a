"""Every screen, in both languages and both colour schemes: opens without an error, nothing leaves the machine, letters
have room. Writes a picture of each to LUYTRE_SCREENSHOTS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.screens import SCHEMES
from tests.browser.shape import FITS, TIGHT
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCREENS = ("alerts", "incidents", "hunt", "sensors", "rules", "system")


def settle(page: Page) -> None:
    page.wait_for_timeout(700)
    expect(page.locator(".skeleton")).to_have_count(0)


def speak(page: Page, language: str) -> None:
    if page.locator("html").get_attribute("lang") != language:
        with page.expect_response(lambda answer: answer.request.method == "PATCH"):  # the server keeps the choice
            page.locator(".rail-tool").first.click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def incident(page: Page) -> str:
    """The incident of this node, opened from the guessed password and the beacon as a person would."""
    page.goto(page.url.split("#")[0] + "#/incidents")
    row = page.locator(".grid-row .figures").first
    page.wait_for_timeout(600)
    if row.count():
        return str(page.locator(".grid-row").first.get_attribute("data-id"))
    page.goto(page.url.split("#")[0] + "#/alerts")
    for title in ("Đăng nhập SSH thành công", "Kết nối định kỳ"):
        page.locator(".grid-row", has_text=title).locator("input[type=checkbox]").check()
    page.keyboard.press("m")
    page.get_by_role("dialog").locator("input").fill("Máy cổng dịch vụ công bị chiếm quyền điều khiển")
    page.get_by_role("dialog").locator("button[type=submit]").click()
    page.wait_for_url("**/#/incidents/SC-*")
    return page.url.rsplit("/", 1)[-1]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_screens(open_page: Open, world: World, pictures: Path, scheme: str) -> None:
    page = open_page(scheme=scheme).page
    page.wait_for_selector(".grid-row")
    where = incident(page)
    for language in ("vi", "en"):
        speak(page, language)
        for screen in (*SCREENS, f"incidents/{where}"):
            page.goto(f"{world.base}/#/{screen}")
            expect(page.locator("main h1").first).to_be_visible()
            settle(page)
            name = "incident" if "/" in screen else screen
            page.screenshot(path=pictures / f"{name}-{language}-{scheme}.png")
            assert page.evaluate(TIGHT) == [], f"{screen} {language}"
            assert page.evaluate(FITS), f"{screen} is wider than the window"
        page.goto(f"{world.base}/#/alerts")
        page.locator(".grid-row", has_text=re.compile("SSH thành công|SSH log-in succeeded")).click()
        expect(page.locator(".pane .history li").first).to_be_visible()
        page.screenshot(path=pictures / f"alert-pane-{language}-{scheme}.png")
        page.keyboard.press("e")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.screenshot(path=pictures / f"alert-close-{language}-{scheme}.png")
        page.keyboard.press("Escape")
        page.get_by_role("link", name=re.compile("Mở trang riêng|Open as a page")).click()
        expect(page.locator("main h1").first).to_be_visible()
        settle(page)
        page.screenshot(path=pictures / f"alert-{language}-{scheme}.png")
    speak(page, "vi")  # the choice is the user's, kept by the server


@pytest.mark.parametrize("width", [1000, 620, 360])
def test_narrow_windows_do_not_scroll_sideways(open_page: Open, world: World, width: int) -> None:
    page = open_page(width=width).page
    for screen in SCREENS:
        page.goto(f"{world.base}/#/{screen}")
        settle(page)
        assert page.evaluate(FITS), f"{screen} at {width}"


def test_login_screen(open_page: Open, pictures: Path) -> None:
    page = open_page(signed_in=False).page
    expect(page.locator(".exercise")).to_contain_text("DIỄN TẬP")
    page.screenshot(path=pictures / "login-vi-light.png")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator(".exercise")).to_contain_text("EXERCISE")
    page.screenshot(path=pictures / "login-en-light.png")
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Tiếng Việt").click()


def test_hostile_strings_are_text(open_page: Open, world: World) -> None:
    page = open_page().page
    row = page.locator(".grid-row", has_text="Yêu cầu lạ")
    expect(row).to_contain_text("<img src=x onerror=alert(1)>⟦U+202E⟧gpj.exe")
    row.click()
    expect(page.locator(".pane .reason")).to_contain_text("⟦U+200B⟧")
    for part in (".pane", ".pane-head", ".pane-body"):  # its long word pushes no button out of the window
        assert page.evaluate(
            "part => { const p = document.querySelector(part); return p.scrollWidth <= p.clientWidth }", part
        )
    page.locator(".pane .event-toggle").first.click()
    expect(page.locator(".pane .fields")).to_contain_text("⟦U+202E⟧")
    assert page.locator("img").count() == 0


def test_with_the_pane_open_the_queue_keeps_its_title_and_one_head(open_page: Open, pictures: Path) -> None:
    """At the smallest desk screen: the head is one line, the filters two, and the title has half of the list."""
    page = open_page(width=1280, height=720).page
    page.locator(".grid-row", has_text="SSH thành công").click()
    expect(page.locator(".pane .reason")).to_be_visible()
    tops = page.locator(".page-list .page-head-row > *, .page-list .search").evaluate_all(
        "nodes => nodes.filter(node => node.getClientRects().length).map(node => Math.round("
        "(node.getBoundingClientRect().top + node.getBoundingClientRect().bottom) / 2))"
    )
    assert max(tops) - min(tops) <= 4, tops
    assert page.locator(".filters").evaluate("node => node.offsetHeight") < 90
    share = page.locator(".grid").evaluate(
        "grid => grid.querySelector('.two-lines').getBoundingClientRect().width / grid.clientWidth"
    )
    assert share > 0.5, share
    page.screenshot(path=pictures / "alert-pane-small-vi-light.png")
    when = page.locator(".grid-row time").first  # still there where there is room, short, whole in its tooltip
    page.keyboard.press("u")
    expect(when).to_have_text(re.compile(r"^(\d\d/\d\d )?\d\d:\d\d$"))
    expect(when).to_have_attribute("title", re.compile(r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d \+07:00 · "))


def test_policy_forbids_what_it_should(open_page: Open, world: World) -> None:
    page = open_page(signed_in=False).page
    policy = page.request.get(world.base).headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "http:" not in policy
    assert "https:" not in policy


def test_components_and_refused_rules_are_told_apart(open_page: Open, pictures: Path) -> None:
    base = {"level": "low", "kind": "sigma", "state": "running", "reason": "", "logsource": {}, "hits_24h": 0,
            "techniques": [], "data_last_seen": None}  # fmt: skip
    items = [
        base | {"id": "a", "title": {"vi": "Một lần đăng nhập sai", "en": "A failed log-in"}, "silent": True},
        base | {"id": "b", "title": {"vi": "Dò mật khẩu", "en": "Guessing"}, "level": "high", "kind": "correlation"},
        base | {"id": "", "title": {"vi": "", "en": ""}, "level": "", "state": "refused", "path": "/rules/x.yml",
                "line": 7, "reason": "LT-R0202: a regular expression that RE2 does not take: (?<=a)"},
        base | {"id": "", "title": {"vi": "", "en": ""}, "level": "", "state": "refused", "reason": "LT-R0999: new"},
        base | {"id": "c", "title": {"vi": "Quét cổng", "en": "Port scan"}, "state": "disabled", "tuned": {
            "enabled": False, "level": None, "level_before": "low", "reason": "Máy quét của Sở", "owner": "lan.nguyen",
            "until": "2027-01-31"}},
    ]  # fmt: skip
    page = open_page().page
    page.route("**/api/v1/rules", lambda route: route.fulfill(
        json={"items": items, "total": 5, "running": 2, "refused": 2, "disabled": 1, "tuning_faults": [
            {"code": "LT-R0404", "id": "x-1", "line": 9, "reason": "ended on 2026-01-01"}]}))  # fmt: skip
    page.goto(page.url.split("#")[0] + "#/rules")
    rows = page.locator(".grid-row")
    expect(rows).to_have_count(5)
    expect(rows.nth(0)).to_contain_text("Bị từ chối")
    expect(rows.nth(0)).to_contain_text("Biểu thức chính quy không dùng được")
    expect(rows.nth(0)).to_contain_text("/rules/x.yml:7")
    expect(rows.nth(1)).to_contain_text("LT-R0999: new")
    expect(rows.nth(2)).to_contain_text("Đã tắt")
    expect(rows.nth(2)).to_contain_text("tắt đến hết 31/01/2027")
    expect(rows.nth(2)).to_contain_text("lan.nguyen: Máy quét của Sở")
    expect(page.get_by_text("Điều chỉnh đã hết hạn")).to_contain_text("tuning.toml:9 x-1")
    expect(rows.nth(3)).to_contain_text("Đang chạy")
    expect(rows.nth(4)).to_contain_text("Thành phần")
    expect(rows.nth(4)).not_to_contain_text("Thấp")
    page.screenshot(path=pictures / "rules-refused-vi-light.png")


def test_a_sensor_is_enrolled_by_one_line_and_revoked_with_a_reason(open_page: Open, pictures: Path) -> None:
    page = open_page().page
    page.goto(page.url.split("#")[0] + "#/sensors")
    expect(page.locator(".grid-row .tag").first).to_have_attribute("title", re.compile(r"Nhận lần cuối \d\d/\d\d"))
    page.get_by_role("button", name="Thêm cảm biến").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input").first.fill("cb-thu-hoi")
    dialog.get_by_role("button", name="Tạo mã kết nối").click()
    command = dialog.locator(".command").inner_text()
    assert command.startswith("luytre enrol join https://")
    dialog.get_by_role("button", name="Sao chép").click()
    expect(page.locator(".toast")).to_contain_text("Đã sao chép")
    page.screenshot(path=pictures / "enrol-vi-light.png")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Thu hồi").first.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Thu hồi")).to_be_disabled()
    page.keyboard.press("Escape")


def test_rules_that_run(open_page: Open, pictures: Path, tmp_path: Path) -> None:
    node = World(tmp_path)
    try:
        node.start("api", "run")
        page = open_page(where=node).page
        for language in ("en", "vi"):
            speak(page, language)
            page.goto(f"{node.base}/#/rules")
            page.reload()
            expect(page.locator(".grid-row").nth(5)).to_be_visible(timeout=60_000)
            page.screenshot(path=pictures / f"rules-{language}-light.png")
        box = page.get_by_role("searchbox")
        box.fill("mat khau")  # found without diacritics
        expect(page.locator(".grid-row").first).to_contain_text(re.compile("mật khẩu", re.IGNORECASE))
        box.fill("")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/#/alerts?rule=*")
        expect(page.locator(".empty-filtered")).to_be_visible()
        page.context.close()  # before the node: what it would still ask for is no fault
    finally:
        node.stop()
