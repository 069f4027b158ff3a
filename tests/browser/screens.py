"""Every screen and its main states, as a table: what axe looks at and what is photographed.

A row names the view by the path that the view's own file exports; a view without a row fails `test_browser_axe.py`, so
a new screen is looked at the day it exists. `{…}` in an address is a place of lived.py. `act` brings the screen into
its state with what a person would press; it ends when the state is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.lived import Lived
from tests.browser.world import World

# No letter's room and no width depends on the colours: axe looks at every screen in both schemes, pictures are taken of
# both when somebody wants to see them.
SCHEMES = ("light", "dark") if os.environ.get("LUYTRE_SCREENSHOTS") else ("light",)
VIEWS = Path(__file__).resolve().parents[2] / "dashboards" / "src" / "views"
_VIEW = re.compile(r"^export const view: View = \{\s*path: \"([^\"]+)\"", re.MULTILINE)

Act = Callable[[Page], None]


def registered() -> set[str]:
    """The paths of all views, as src/app/views.ts finds them."""
    files = [*VIEWS.glob("*.tsx"), *VIEWS.glob("*/index.tsx")]
    return {path for file in files for path in _VIEW.findall(file.read_text("utf-8"))}


SPEAK = """async language => {
  const me = await (await fetch('/api/v1/session')).json();
  if (me.user.language === language) return false;
  const answer = await fetch('/api/v1/session', {method: 'PATCH', body: JSON.stringify({language}),
    headers: {'X-CSRF-Token': me.csrf, 'Content-Type': 'application/json'}});
  if (!answer.ok) throw new Error(await answer.text());
  return true }"""


@dataclass(frozen=True, slots=True)
class Screen:
    view: str
    name: str
    at: str
    where: str = "city"  # or centre
    act: Act | None = None


def first_row(page: Page) -> None:
    page.locator(".grid-row").first.click()
    expect(page.locator(".pane")).to_be_visible()


def press(*keys: str) -> Act:
    def act(page: Page) -> None:
        page.wait_for_selector(".grid-row, .page h1")
        for key in keys:
            page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()

    return act


def button(vi: str, en: str) -> Act:
    """Press the first button with these words; a dialog opens."""
    words = re.compile(f"^({re.escape(vi)}|{re.escape(en)})")

    def act(page: Page) -> None:
        page.get_by_role("button", name=words).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()

    return act


def many(page: Page) -> None:
    for at in range(2):
        page.locator(".grid-row input[type=checkbox]").nth(at).check()
    expect(page.locator(".bulk")).to_be_visible()


TABLE = (
    Screen("/overview", "overview", "/overview"),
    Screen("/overview", "overview-centre", "/overview", "centre"),
    Screen("/alerts", "alerts", "/alerts"),
    Screen("/alerts", "alerts-pane", "/alerts", act=first_row),
    Screen("/alerts", "alerts-bulk", "/alerts", act=many),
    Screen("/alerts", "alerts-close", "/alerts", act=press("j", "e")),
    Screen("/alerts", "alerts-none", "/alerts?q=khongcogi"),
    Screen("/alerts", "keys", "/alerts", act=press("Shift+Slash")),
    Screen("/alerts/:id", "alert", "/alerts/{alert}"),
    Screen("/incidents", "incidents", "/incidents"),
    Screen("/incidents", "incidents-none", "/incidents?state=closed"),
    Screen("/incidents/:id", "incident", "/incidents/{incident}"),
    Screen("/incidents/:id", "incident-assess", "/incidents/{incident}", act=button("Đánh giá", "Assess")),
    Screen("/incidents/:id", "incident-write", "/incidents/{incident}", act=button("Bổ sung thông tin", "Fill in")),
    Screen("/clocks", "clocks", "/clocks"),
    Screen("/clocks", "clocks-calendar", "/clocks?tab=calendar"),
    Screen("/clocks", "clocks-rules", "/clocks?tab=rules"),
    Screen("/clocks", "clocks-organisation", "/clocks?tab=organisation"),
    Screen("/clocks", "clocks-none", "/clocks?state=void"),
    Screen("/hunt", "hunt", "/hunt"),
    Screen("/services", "services", "/services"),
    Screen("/services", "services-board", "/services?tab=board", "centre"),
    Screen("/services/:id", "service", "/services/{service}"),
    Screen("/inventory", "inventory", "/inventory"),
    Screen("/inventory", "inventory-pane", "/inventory", act=first_row),
    Screen("/inventory", "inventory-assets", "/inventory?tab=assets"),
    Screen("/inventory", "inventory-form", "/inventory", act=button("Thêm hệ thống", "Add")),
    Screen("/inventory", "inventory-none", "/inventory?q=khongcogi"),
    Screen("/sensors", "sensors", "/sensors"),
    Screen("/sensors/:id", "sensor", "/sensors/{sensor}"),
    Screen("/rules", "rules", "/rules"),
    Screen("/rules/exceptions", "exceptions", "/rules/exceptions"),
    Screen("/rules/exceptions", "exceptions-none", "/rules/exceptions?state=expired"),
    Screen("/alerts/:id", "exception", "/alerts/{excepted}", act=button("Thêm ngoại lệ", "Add exception")),
    Screen("/indicators", "indicators", "/indicators"),
    Screen("/indicators", "indicators-paste", "/indicators", act=button("Nhập chỉ dấu", "Take indicators in")),
    Screen("/indicators", "indicators-sources", "/indicators?tab=sources"),
    Screen("/indicators", "indicators-sweeps", "/indicators?tab=sweeps"),
    Screen("/indicators", "indicators-none", "/indicators?q=khongcogi"),
    Screen("/notices", "notices-deliveries", "/notices?tab=deliveries"),
    Screen("/notices", "notices-channels", "/notices?tab=channels"),
    Screen("/notices", "notices-channel", "/notices?tab=channels", act=button("Thêm kênh", "Add")),
    Screen("/notices", "notices-routes", "/notices?tab=routes"),
    Screen("/notices", "notices-roster", "/notices?tab=roster"),
    Screen("/oncall", "oncall", "/oncall"),
    Screen("/people", "people", "/people"),
    Screen("/people", "people-add", "/people", act=button("Thêm người dùng", "Add")),
    Screen("/people/:id", "person", "/people/{person}"),
    Screen("/account", "account", "/account"),
    Screen("/audit", "audit", "/audit"),
    Screen("/system", "system", "/system"),
    Screen("/reminders", "reminders", "/reminders"),
    Screen("/inbox", "inbox", "/inbox", "centre"),
    Screen("/inbox", "inbox-pane", "/inbox", "centre", first_row),
    Screen("/inbox/:id", "raised", "/inbox/{raised}", "centre"),
    Screen("/national", "national", "/national", "centre"),
    Screen("/organisation", "organisation", "/organisation", "centre"),
    Screen("/national/:code", "national-agency", "/national/{agency}", "centre"),
)


def speaking(page: Page, language: str) -> None:
    """The language is the user's, kept by the server; whatever shows it at this width, the page is in it afterwards."""
    page.wait_for_selector("nav.rail")
    if page.evaluate(SPEAK, language):
        page.reload()
        page.wait_for_selector("nav.rail")
    expect(page.locator("html")).to_have_attribute("lang", language)


def go(page: Page, world: World, place: str) -> None:
    """There, from an empty page, so that nothing of the last screen stays open; all of it loaded."""
    page.goto("about:blank")
    page.goto(f"{world.base}/#{place}")
    expect(page.locator("main h1").first).to_be_attached()  # on a phone the bar on top says it
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def show(page: Page, world: World, lived: Lived, screen: Screen) -> None:
    """The screen in its state, all of it there."""
    go(page, world, screen.at.format(**lived.places))
    if screen.act:
        screen.act(page)
    # What moves in has moved in: axe and a picture must not meet it half way (a contrast of half a fade is none).
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))")
