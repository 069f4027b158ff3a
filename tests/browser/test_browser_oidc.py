"""The log-in page's button for a provider, in a real Chromium, before a real Keycloak and its own form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sensors.config import Config
from tests.browser.conftest import Open
from tests.browser.world import World
from tests.servers import keycloak

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TABLE = """
[[api.oidc]]
id = "tinh"
name = "Tài khoản tỉnh"
issuer = "{issuer}"
client_id = "{client}"
client_secret_file = "{secret}"
private = true
roles = [{{ value = "soc", role = "analyst" }}]
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    folder = tmp_path_factory.mktemp("oidc")
    world = World(folder / "node")
    with keycloak.running(folder, f"{world.base}/api/v1/session/oidc/tinh/back") as realm:
        (folder / "secret").write_text(realm.secret + "\n")
        with world.config.path.open("a", encoding="utf-8") as file:
            file.write(TABLE.format(issuer=realm.issuer, client=realm.client_id, secret=folder / "secret"))
        world.config = Config(world.config.path)
        try:
            yield world.start("api"), realm.issuer.partition("/realms")[0]
        finally:
            world.stop()


def through(page: Page, username: str) -> None:
    page.get_by_role("link", name="Tài khoản tỉnh").click()
    page.locator("#username").fill(username)
    page.locator("#password").fill(keycloak.PASSWORD)
    page.locator("#kc-login").click()


def test_the_button_leads_to_the_provider_and_back_into_the_screens(
    open_page: Open, both: tuple[World, str], pictures: Path
) -> None:
    world, provider = both
    watched = open_page(signed_in=False, where=world)
    page, watched.base = watched.page, (world.base, provider)  # type: ignore[assignment]
    expect(page.get_by_role("link", name="Tài khoản tỉnh")).to_be_visible()
    page.screenshot(path=pictures / "login-oidc-vi-light.png")
    through(page, "lan")
    page.wait_for_selector("nav.rail")
    expect(page.locator(".rail-user")).to_contain_text("Lan Nguyễn")
    assert page.url.startswith(f"{world.base}/#/")
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_selector(".login-card")


def test_who_is_mapped_to_nothing_is_told_so(open_page: Open, both: tuple[World, str], pictures: Path) -> None:
    world, provider = both
    watched = open_page(signed_in=False, where=world)
    page, watched.base = watched.page, (world.base, provider)  # type: ignore[assignment]
    through(page, "minh")
    page.wait_for_selector(".login-card")
    expect(page.get_by_role("alert")).to_be_visible()
    page.screenshot(path=pictures / "login-oidc-refused-vi-light.png")
