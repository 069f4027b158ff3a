"""What still holds when something does not: one panel without its data, the server gone and back, no permission."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "tre già măng mọc 1954"


def test_a_panel_fails_alone(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.route("**/history", lambda route: route.abort())
    page.locator(".grid-row").first.click()
    expect(page.locator(".pane .trouble")).to_have_count(1, timeout=15_000)
    expect(page.locator(".pane .reason")).to_be_visible()
    expect(page.locator(".grid-row").first).to_be_visible()
    page.unroute("**/history")
    page.get_by_role("button", name="Thử lại").click()
    expect(page.locator(".pane .history li").first).to_be_visible()
    watched.problems.clear()  # the cut request itself


def test_password_log_in_refusal_and_end(open_page: Open, world: World) -> None:
    page = open_page().page
    answer = page.evaluate(
        """async password => { const me = await (await fetch('/api/v1/session')).json();
        return (await fetch('/api/v1/session/password', {method: 'POST', body: JSON.stringify({old: '', new: password}),
          headers: {'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf}})).status }""",
        PASSWORD,
    )
    assert answer == 204
    page.reload()
    page.wait_for_selector("nav.rail, .login-card")
    if page.locator("nav.rail").count():
        page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_selector(".login-card")
    page.get_by_label("Tên đăng nhập").fill("quantri")
    page.get_by_label("Mật khẩu").fill("sai mật khẩu rồi nhé")
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.locator(".trouble")).to_be_visible()
    expect(page.get_by_label("Mật khẩu")).to_be_focused()
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("nav.rail")).to_be_visible()


def test_a_link_is_good_once_and_leaves_the_address(open_page: Open, world: World) -> None:
    page = open_page(signed_in=False).page
    link = world.link()
    page.goto(link)
    expect(page.locator("nav.rail")).to_be_visible()
    assert "token" not in page.url
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_selector(".login-card")
    page.goto(link)
    expect(page.locator(".trouble")).to_be_visible()
    assert "token" not in page.url


def test_who_may_not_see_is_told(open_page: Open, world: World) -> None:
    name = world.add_user("phantich", "analyst", "Trần Thị Lan")
    page = open_page(signed_in=False).page
    page.goto(world.link(name))
    page.wait_for_selector("nav.rail")
    expect(page.locator("nav.rail a[href='#/alerts']")).to_be_visible()
    expect(page.locator("nav.rail a[href='#/system']")).to_have_count(0)
    page.goto(f"{world.base}/#/system")
    expect(page.locator(".empty-forbidden")).to_be_visible()
    page.goto(f"{world.base}/#/khong-co")
    expect(page.locator(".empty-filtered")).to_be_visible()


def test_the_server_goes_and_comes_back(open_page: Open, world: World) -> None:
    watched = open_page()
    page = watched.page
    page.wait_for_selector(".grid-row")
    expect(page.locator(".lamp-live")).to_be_visible()
    rows = page.locator(".grid-row").count()
    world.kill("api")
    expect(page.locator(".lamp-cut")).to_contain_text("Mất kết nối từ")
    assert page.locator(".grid-row").count() == rows  # what is known stays
    world.start("api")
    expect(page.locator(".lamp-live")).to_be_visible(timeout=40_000)
    page.keyboard.press("r")
    expect(page.locator(".grid-row")).to_have_count(rows)
    watched.problems.clear()  # the requests that met no server


def test_a_script_that_does_not_come_takes_nothing_away(open_page: Open, world: World) -> None:
    """The node is away when a part of the screen is wanted for the first time: what is shown stays, and it is told."""
    watched = open_page()
    page = watched.page
    page.wait_for_selector(".grid-row")
    page.evaluate("window.sameDocument = true")
    page.route(re.compile(r"/assets/|/$"), lambda route: route.abort())
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.get_by_role("alert")).to_contain_text("Không tải được màn hình này")
    page.get_by_role("button", name="Thử lại").click()
    expect(page.locator(".toast-bad")).to_contain_text("Không kết nối được máy chủ")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.locator(".grid-row").first).to_be_visible()
    assert page.evaluate("window.sameDocument")
    watched.problems.clear()  # the cut requests


def test_a_tab_from_before_an_upgrade_starts_anew(open_page: Open, world: World) -> None:
    watched = open_page()
    page = watched.page
    page.wait_for_selector(".grid-row")
    before = page.request.get(world.base).text()
    page.evaluate("window.sameDocument = true")
    page.route(re.compile(r"/assets/incidents?-[^/]*\.js$"), lambda route: route.fulfill(status=404))
    old = re.search(r"assets/index-[^\"]+\.js", before)
    assert old
    page.route(f"{world.base}/", lambda route: route.fulfill(
        body=before.replace(old.group(), "assets/index-anew.js"), content_type="text/html"))  # fmt: skip
    with page.expect_event("load"):  # a document, where moving between screens is none
        page.keyboard.press("g")
        page.keyboard.press("i")
    page.unroute_all()
    assert not page.evaluate("'sameDocument' in window")
    watched.problems.clear()  # the script that was not there
