"""Services as a person meets them: what is down stands first, its page, planned work, nothing wider than the screen."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FITS = "document.documentElement.scrollWidth <= innerWidth"


def result(world: World, key: str, name: str, at: float, state: str):  # type: ignore[no-untyped-def]
    return world.event(
        "service.availability", at, service__id=key, service__name=name, service__state=state,
        event__outcome="failure" if state == "down" else "success", luytre__probe__kind="http",
        luytre__probe__every_s=60.0, luytre__probe__latency_ms=None if state == "down" else 120.0,
        destination__address=f"{key}.example",
    )  # fmt: skip


@pytest.mark.parametrize("width", [1440, 390])
def test_services(open_page: Open, world: World, pictures: Path, width: int) -> None:
    now = time.time()
    world.send([result(world, "mot-cua", "Một cửa điện tử", now - 300 + 60 * n, "up") for n in range(5)])
    world.send([result(world, "ioffice", "Văn bản điều hành", now - 300 + 60 * n, "down" if n > 1 else "up")
                for n in range(5)])  # fmt: skip
    page = open_page(width=width).page
    page.goto(f"{world.base}/#/services")
    row = page.locator(".grid-row", has_text="Văn bản điều hành")
    expect(row).to_be_visible()
    expect(row.locator(".tag-bad").first).to_be_visible()
    up = page.locator(".grid-row", has_text="Một cửa điện tử")
    assert int(row.get_attribute("data-place") or 0) < int(up.get_attribute("data-place") or 0)
    assert page.evaluate(FITS)
    page.screenshot(path=pictures / f"services-{width}.png")
    row.click()
    expect(page.locator("h1")).to_have_text("Văn bản điều hành")
    expect(page.locator(".outage-open")).to_have_count(1)
    assert page.evaluate(FITS)
    page.screenshot(path=pictures / f"service-{width}.png", full_page=True)
