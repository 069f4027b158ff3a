"""The inventory's main way: nothing there yet, a table is imported after its preview, a system is opened and changed, a
conflict is told, and the alerts say which system they concern. Writes pictures to LUYTRE_SCREENSHOTS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.screens import SCHEMES
from tests.browser.shape import FITS, TIGHT
from tests.browser.test_browser_screens import settle, speak
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SYSTEMS = """\
Tên hệ thống;Loại;Cấp độ;Chủ quản;Liên hệ 24/7;Tên miền, URL;Bí mật nhà nước
Cổng dịch vụ công trực tuyến;Cổng dịch vụ công;4;Sở Khoa học và Công nghệ;024 3999 0000;https://dichvucong.example;
Thư điện tử công vụ;mail;3;Sở Khoa học và Công nghệ;;mail.so.example;
Trục liên thông văn bản;interchange;3;;;10.20.9.0/24;
Cơ sở dữ liệu cán bộ;database;5;;;10.20.66.0/24;có
Trang thông tin điện tử;portal;;;;so.example;
"""
ASSETS = """\
Tên máy,Loại,Địa chỉ,Hệ thống
cong-dvc-01,server,"10.20.1.5, 10.20.0.9",Cổng dịch vụ công trực tuyến
may-tram-15,workstation,10.20.1.15,
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("csv")
    found = {}
    for name, text in (("systems", SYSTEMS), ("assets", ASSETS), ("wrong", SYSTEMS.replace(";4;", ";9;"))):
        found[name] = folder / f"{name}.csv"
        found[name].write_text(text, "utf-8-sig")
    return found


def bring(page: Page, path: Path, shot: Path | None = None) -> None:
    page.get_by_role("button", name="Nhập từ CSV").first.click()
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(path)
    expect(page.get_by_role("dialog").locator("tbody tr").first).to_be_visible()
    if shot:
        page.screenshot(path=shot)


def write(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Ghi .* thay đổi")).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_way_through_the_inventory(open_page: Open, world: World, files: dict[str, Path], pictures: Path) -> None:
    watched = open_page()
    page = watched.page
    page.goto(f"{world.base}/#/inventory")
    expect(page.get_by_text("Chưa có hệ thống thông tin nào")).to_be_visible()
    page.screenshot(path=pictures / "inventory-empty-vi-light.png")
    bring(page, files["wrong"], pictures / "inventory-wrong-vi-light.png")
    expect(page.get_by_role("dialog")).to_contain_text("Cấp độ từ 1 đến 5")
    expect(page.get_by_role("dialog").locator(".button-main")).to_be_disabled()
    page.keyboard.press("Escape")
    bring(page, files["systems"], pictures / "inventory-preview-vi-light.png")
    write(page)
    expect(page.locator(".grid-row")).to_have_count(5)
    page.locator(".tabs").get_by_role("button", name="Tài sản").click()
    expect(page.get_by_text("Chưa có tài sản nào")).to_be_visible()
    bring(page, files["assets"])
    write(page)
    expect(page.locator(".grid-row")).to_have_count(2)
    page.screenshot(path=pictures / "inventory-assets-vi-light.png")

    page.goto(f"{world.base}/#/inventory")
    page.locator(".grid-row", has_text="Cổng dịch vụ công trực tuyến").click()
    pane = page.locator(".pane")
    expect(pane).to_contain_text("cong-dvc-01")
    expect(pane).to_contain_text("10.20.1.5")
    # Someone else is quicker: the form says so, keeps what was typed, and saves the second time.
    pane.get_by_role("button", name="Sửa", exact=True).click()
    dialog = page.get_by_role("dialog")
    page.evaluate(
        """async () => {
          const me = await (await fetch('/api/v1/session')).json();
          const list = await (await fetch('/api/v1/systems?q=cong+dich+vu')).json();
          const answer = await fetch('/api/v1/systems/' + list.items[0].id, {
            method: 'PATCH', body: '{"note": "ghi chú của người khác"}',
            headers: {'X-CSRF-Token': me.csrf, 'Content-Type': 'application/json'}});
          if (!answer.ok) throw new Error(await answer.text());
        }"""
    )
    dialog.locator("input[name=provider]").fill("Trung tâm CNTT")
    dialog.get_by_role("button", name="Lưu").click()
    expect(dialog).to_contain_text("Người khác vừa sửa mục này")
    expect(dialog.locator("input[name=provider]")).to_have_value("Trung tâm CNTT")
    page.screenshot(path=pictures / "inventory-form-vi-light.png")
    dialog.get_by_role("button", name="Lưu").click()
    expect(dialog).to_have_count(0)
    expect(pane).to_contain_text("Trung tâm CNTT")
    expect(pane).to_contain_text("ghi chú của người khác")  # what the other one wrote is still there
    assert [problem for problem in watched.problems if "412" not in problem] == []
    watched.problems.clear()  # the conflict itself, which the console tells too

    # The job names the open alerts; the queue says what it is ordered by.
    page.wait_for_timeout(7_000)
    page.goto(f"{world.base}/#/alerts")
    row = page.locator(".grid-row", has_text="SSH thành công")
    expect(row.locator(".grade")).to_have_text("4")
    row.click()
    expect(page.locator(".pane .system-tag").first).to_contain_text("Cổng dịch vụ công trực tuyến")
    expect(page.locator(".pane")).to_contain_text("+20 hệ thống cấp độ 4")
    page.screenshot(path=pictures / "inventory-alert-vi-light.png")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_its_screens(open_page: Open, world: World, pictures: Path, scheme: str) -> None:
    for width in (1280, 390):
        page = open_page(scheme=scheme, width=width).page
        for language in ("vi", "en") if width > 400 else ("vi",):
            if width > 400:
                speak(page, language)
            for screen in ("inventory", "inventory?tab=assets"):
                page.goto(f"{world.base}/#/{screen}")
                expect(page.locator(".grid-row").first).to_be_visible()
                settle(page)
                name = screen.replace("?tab=", "-")
                page.screenshot(path=pictures / f"{name}-{language}-{scheme}-{width}.png")
                assert page.evaluate(TIGHT) == [], f"{screen} {language}"
                assert page.evaluate(FITS), f"{screen} is wider than {width}"
            page.goto(f"{world.base}/#/inventory")
            page.locator(".grid-row").nth(1).click()
            expect(page.locator(".pane .facts").first).to_be_visible()
            settle(page)
            page.screenshot(path=pictures / f"inventory-pane-{language}-{scheme}-{width}.png")
            assert page.evaluate(TIGHT) == []
            assert page.evaluate(FITS)
        if width > 400:
            speak(page, "vi")
