"""Notices, the roster and the on-call page, in both languages and schemes, at a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.screens import SCHEMES, speaking
from tests.browser.shape import FITS, TIGHT
from tests.browser.test_browser_screens import settle, speak
from tests.browser.world import AGENCY, World, one_more

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POST = """async ([method, path, body]) => {
  const me = await (await fetch('/api/v1/session')).json();
  const answer = await fetch('/api/v1' + path, {method, headers: {'X-CSRF-Token': me.csrf,
    'Content-Type': 'application/json'}, body: JSON.stringify(body)});
  if (!answer.ok) throw new Error(path + ' ' + answer.status + ' ' + await answer.text());
  return [me.user.id, await answer.json()];
}"""


def ask(page: Page, path: str, body: object, method: str = "POST") -> tuple[int, dict[str, int]]:
    found = page.evaluate(POST, [method, path, body])
    return found[0], found[1]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_notices_and_the_phone(open_page: Open, world: World, pictures: Path, scheme: str) -> None:
    page = open_page(scheme=scheme).page
    page.wait_for_selector(".rail")
    me, _ = ask(page, "/duty/me", {"mail": "truc@so.example.vn", "phone": "+84 24 3943 0000"}, "PUT")
    _, team = ask(
        page, "/duty/teams", {"agency": AGENCY, "name": "Tổ trực an ninh mạng", "lead_id": me, "members": [me]}
    )
    for weekdays, start, end in (([0, 1, 2, 3, 4], 480, 1020), ([0, 1, 2, 3, 4, 5], 1020, 480), ([6], 0, 0)):
        body = {"user_id": me, "weekdays": weekdays, "from_min": start, "until_min": end}
        ask(page, f"/duty/teams/{team['id']}/shifts", body)
    ask(page, "/notices/routes", {"agency": AGENCY, "level": "high", "team_id": team["id"], "steps": [5, 15, 30],
                                  "grade": None, "hours": "any", "window_s": 60})  # fmt: skip
    settings = {
        "host": "mail.so.example.vn",
        "sender": "soc@so.example.vn",
        "to": ["truc@so.example.vn"],
        "user": "soc",
    }
    _, channel = ask(page, "/notices/channels", {"agency": AGENCY, "name": "Thư của đơn vị", "kind": "mail",
                                                 "settings": settings, "secret": "một mật khẩu",
                                                 "enabled": False})  # fmt: skip
    ask(page, "/notices/routes", {"agency": AGENCY, "level": "critical", "grade": 3, "kinds": ["alert", "incident"],
                                  "channel_id": channel["id"], "hours": "off"})  # fmt: skip
    one_more(world, 7700 if scheme == "light" else 7800, "critical")
    for language in ("vi", "en"):
        page.set_viewport_size({"width": 1280, "height": 800})
        speak(page, language)
        for tab in ("deliveries", "channels", "routes", "roster"):
            page.goto(f"{world.base}/#/notices?tab={tab}")
            expect(page.locator("main h1").first).to_be_visible()
            settle(page)
            page.screenshot(path=pictures / f"notices-{tab}-{language}-{scheme}.png")
            assert page.evaluate(TIGHT) == [], tab
            assert page.evaluate(FITS), tab
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{world.base}/#/oncall")
        expect(page.locator(".oncall-acts button").first).to_be_visible()
        settle(page)
        page.screenshot(path=pictures / f"oncall-{language}-{scheme}.png")
        assert page.evaluate(FITS)
        for button in page.locator(".oncall-acts button").all():
            box = button.bounding_box()
            assert box
            assert box["height"] >= 48
    first = page.locator(".oncall li.oncall-card").first
    shown = page.locator(".oncall li.oncall-card").count()
    first.locator(".oncall-acts button").first.click()
    expect(page.locator(".oncall li.oncall-card")).to_have_count(shown - 1)
    speaking(page, "vi")
