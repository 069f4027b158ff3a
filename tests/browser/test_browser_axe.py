"""axe-core finds nothing on any screen, in its main states, both languages and both colour schemes, at a desk and on a
phone: WCAG 2.2 A and AA, and axe's own best practice (headings in order, landmarks). Nor is anything wider than its
frame or a letter without room (test_browser_pictures.py).

axe is a development dependency of the dashboard (never in its bundle) and is put into the page from outside, as an
extension would be: the page's policy stays as it is. No rule is switched off.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.lived import Lived
from tests.browser.screens import TABLE, Screen, registered, show, speaking
from tests.browser.shape import misshapen

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = Path(__file__).resolve().parents[2] / "dashboards" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# `resultTypes`: only violations are written out in full. `preload`: style sheets are fetched once more only for
# css-orientation-lock, which is axe's experiment and has none of the tags above. Neither leaves a rule out.
RUN = """async tags => (await axe.run(document,
  {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], preload: false})).violations.flatMap(
  rule => rule.nodes.map(node => `${rule.id} ${node.target.join(' ')} ${node.html.slice(0, 120)} ${
    [...node.any, ...node.all, ...node.none].map(check => check.message).join('; ')}`))"""
# Colours do not depend on the language, roles and names do not on colours: two runs at a desk see all four. On a phone
# the frame and the columns differ, the states (dialogs, panes) do not: one run of the screens as they open.
RUNS = [("vi", "light", 1366), ("en", "dark", 1366), ("vi", "dark", 390)]


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.is_file():
        pytest.skip("dashboards/node_modules has no axe-core (cd dashboards && npm ci)")
    return AXE.read_text("utf-8")


def found(page: Page, axe: str) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    return list(page.evaluate(RUN, TAGS))


def test_every_view_has_a_row() -> None:
    assert {screen.view for screen in TABLE} == registered()


@pytest.mark.parametrize("where", ["city", "centre"])
@pytest.mark.parametrize(("language", "scheme", "width"), RUNS)
def test_axe_finds_nothing(
    open_page: Open, lived: Lived, axe: str, where: str, language: str, scheme: str, width: int
) -> None:
    page = open_page(where=getattr(lived, where), scheme=scheme, width=width, height=844 if width < 500 else 768).page
    speaking(page, language)
    screens = [screen for screen in TABLE if screen.where == where and (width > 500 or screen.act is None)]
    problems = {screen.name: wrong for screen in screens if (wrong := _look(page, lived, screen, axe))}
    speaking(page, "vi")
    assert problems == {}


def _look(page: Page, lived: Lived, screen: Screen, axe: str) -> list[str]:
    show(page, getattr(lived, screen.where), lived, screen)
    return [*found(page, axe), *misshapen(page)]  # each walk is some fifty screens: one for both questions


def test_the_exercise_banner_is_clean(open_page: Open, axe: str) -> None:
    """The lived nodes are none in an exercise; `world` is."""
    for scheme, width in (("light", 1366), ("dark", 390)):
        page = open_page(scheme=scheme, width=width).page
        expect(page.locator(".exercise")).to_be_visible(visible=width > 500)  # on a phone the bar on top is striped
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert found(page, axe) == []


def test_the_log_in_is_clean(open_page: Open, lived: Lived, axe: str) -> None:
    for scheme in ("light", "dark"):
        page = open_page(signed_in=False, where=lived.city, scheme=scheme).page
        expect(page.locator(".login-card form")).to_be_visible()
        assert found(page, axe) == []
