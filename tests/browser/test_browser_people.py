"""People, my account and the audit in a real Chromium: a passkey from a virtual authenticator, a code from a QR code's
secret, the one-time link of a new person, and a picture of each screen."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from api.node.init import FIRST_USER
from api.node.users import act
from tests.browser.conftest import Open
from tests.browser.screens import SCHEMES
from tests.browser.shape import FITS, TIGHT
from tests.browser.test_browser_screens import settle, speak
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCREENS = ("people", "account", "audit", "people/1")


def local(world: World) -> str:
    """The same node under the one name that has passkeys without TLS."""
    return world.base.replace("127.0.0.1", "localhost")


def authenticator(page: Page) -> None:
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                     "isUserVerified": True, "automaticPresenceSimulation": True}},
    )  # fmt: skip


def test_a_passkey_is_made_and_logs_in(open_page: Open, world: World) -> None:
    world.add_user("khoa", "analyst", "Trần Khóa")
    watched = open_page(signed_in=False)
    page, watched.base = watched.page, (world.base, local(world))  # type: ignore[assignment]
    authenticator(page)
    page.goto(world.link("khoa").replace("127.0.0.1", "localhost"))
    page.wait_for_selector("nav.rail")
    page.goto(f"{local(world)}/#/account")
    page.get_by_role("button", name="Thêm khóa đăng nhập").click()
    page.get_by_role("dialog").get_by_label("Tên").fill("Máy tính cơ quan")
    page.get_by_role("dialog").get_by_role("button", name="Thêm khóa đăng nhập").click()
    expect(page.get_by_role("cell", name="Máy tính cơ quan", exact=True)).to_be_visible()
    page.get_by_role("button", name="Đăng xuất").click()
    page.get_by_role("button", name="Đăng nhập bằng khóa đăng nhập").click()
    page.wait_for_selector("nav.rail")
    expect(page.locator(".rail-user")).to_contain_text("Trần Khóa")


def test_a_code_is_set_up_and_asked_for(open_page: Open, world: World, pictures: Path) -> None:
    world.add_user("ma", "analyst", "Lê Thị Mã")
    page = open_page(signed_in=False).page
    page.goto(world.link("ma"))
    page.wait_for_selector("nav.rail")
    page.goto(f"{world.base}/#/account")
    page.get_by_role("button", name="Thiết lập").click()
    secret = page.locator(".totp-secret").inner_text().replace(" ", "")
    expect(page.locator("img.qr")).to_be_visible()
    page.screenshot(path=pictures / "account-totp-vi-light.png")
    page.get_by_label(re.compile("^Mã 6 chữ số")).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Kiểm tra và bật").click()
    expect(page.locator(".codes")).to_contain_text(re.compile(r"^(\w{4}-){3}\w{4}"))
    recovery = page.locator(".codes").inner_text().splitlines()[0]
    page.get_by_role("button", name="Đã lưu lại").click()
    page.get_by_label("Mật khẩu mới").fill("tre già măng mọc 1954")
    page.get_by_role("button", name="Lưu mật khẩu").click()
    expect(page.locator(".toast")).to_contain_text("Đã lưu mật khẩu")
    page.get_by_role("button", name="Đăng xuất").click()
    page.get_by_label("Tên đăng nhập").fill("ma")
    page.get_by_label("Mật khẩu").fill("tre già măng mọc 1954")
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    expect(page.get_by_role("heading", name="Bước xác thực thứ hai")).to_be_visible()
    page.screenshot(path=pictures / "login-second-vi-light.png")
    page.get_by_role("button", name="Dùng mã khôi phục").click()
    page.get_by_label(re.compile("^Mã khôi phục")).fill(recovery)
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    page.wait_for_selector("nav.rail")


def test_a_new_person_gets_a_link(open_page: Open, world: World, pictures: Path) -> None:
    page = open_page().page
    page.goto(f"{world.base}/#/people")
    page.get_by_role("button", name="Thêm người dùng").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Họ và tên").fill("Phạm Mới")
    dialog.get_by_label("Tên đăng nhập").fill(f"moi{time.time_ns()}")
    page.screenshot(path=pictures / "people-add-vi-light.png")
    dialog.get_by_role("button", name="Thêm người dùng").click()
    link = page.locator(".codes")
    expect(link).to_contain_text("/#/login?token=")
    page.screenshot(path=pictures / "people-link-vi-light.png")
    fresh = open_page(signed_in=False).page
    fresh.goto(link.inner_text().strip())
    expect(fresh.locator(".rail-user")).to_contain_text("Phạm Mới")


def test_log_in_screens_fit(open_page: Open, world: World) -> None:
    page = open_page(signed_in=False, width=390).page
    assert page.evaluate(FITS)
    assert page.evaluate(TIGHT) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_people_screens(open_page: Open, world: World, pictures: Path, scheme: str) -> None:
    act(world.config, "user-grant", username=FIRST_USER, role="auditor")  # a lead alone does not read the audit
    page = open_page(scheme=scheme).page
    for language in ("vi", "en"):
        speak(page, language)
        for screen in SCREENS:
            page.goto(f"{world.base}/#/{screen}")
            expect(page.locator("main h1").first).to_be_visible()
            settle(page)
            name = screen.replace("/1", "-one")
            page.screenshot(path=pictures / f"{name}-{language}-{scheme}.png")
            assert page.evaluate(TIGHT) == [], f"{screen} {language}"
            assert page.evaluate(FITS), f"{screen} is wider than the window"
    speak(page, "vi")


@pytest.mark.parametrize("width", [1000, 390])
def test_people_screens_narrow(open_page: Open, world: World, pictures: Path, width: int) -> None:
    page = open_page(width=width).page
    for screen in SCREENS:
        page.goto(f"{world.base}/#/{screen}")
        settle(page)
        page.screenshot(path=pictures / f"{screen.replace('/1', '-one')}-vi-{width}.png")
        assert page.evaluate(FITS), f"{screen} at {width}"
