"""A picture of every screen in both languages, both schemes, at a desk and on a phone, for people to look at
(LUYTRE_SCREENSHOTS=folder); and what a picture shows that no other test does: nothing is wider than its frame, letters
have room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.browser.lived import Lived
from tests.browser.screens import TABLE, show, speaking
from tests.browser.test_browser_screens import FITS, TIGHT

# Wider than its frame: what scrolls sideways, what reaches past its panel, list, dialog or the window, and what is cut
# without three dots to say so. A pixel is rounding; what only a screen reader sees is a pixel wide.
WIDE = """() => [...document.querySelectorAll('body *')].filter(node => node.checkVisibility({visibilityProperty: true})
  && !node.closest('svg, .sr-only, [data-stacked] thead')).map(node => {
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    const over = node.scrollWidth - node.clientWidth, said = node.textContent.trim().slice(0, 40);
    const name = `${node.tagName.toLowerCase()}.${[...node.classList].join('.')} "${said}"`;
    const dots = one => (one = getComputedStyle(one)).textOverflow === 'ellipsis' && one.overflowX === 'hidden';
    const frame = node.parentElement?.closest('[data-scroller], main, .panel, .modal, body').getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || style.display === 'inline') return null;
    if (['auto', 'scroll'].includes(style.overflowX) && over > 1)
      return `scrolls ${node.scrollWidth} in ${node.clientWidth}: ${name}`;
    if (['hidden', 'clip'].includes(style.overflowX) && style.textOverflow !== 'ellipsis' && over > 1)
      return `cut ${node.scrollWidth} in ${node.clientWidth}: ${name}`;
    let up = node.parentElement;
    while (up && !dots(up) && !up.matches('[data-scroller], main, .panel, .modal, body')) up = up.parentElement;
    if (frame && box.right > frame.right + 1 && !dots(up))
      return `reaches ${Math.round(box.right)} of ${Math.round(frame.right)}: ${name}`;
    return null;
}).filter(Boolean)"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALL = [(language, scheme, width) for language in ("vi", "en") for scheme in ("light", "dark") for width in (1366, 390)]


def misshapen(page: Page) -> list[str]:
    """What is wrong with the letters and widths of the screen; test_browser_axe.py asks it on its walks."""
    wrong = [] if page.evaluate(FITS) else ["wider than the window"]
    return [*wrong, *page.evaluate(TIGHT), *page.evaluate(WIDE)]


@pytest.mark.skipif(not os.environ.get("LUYTRE_SCREENSHOTS"), reason="pictures to look at: LUYTRE_SCREENSHOTS=folder")
@pytest.mark.parametrize("where", ["city", "centre"])
@pytest.mark.parametrize(("language", "scheme", "width"), ALL)
def test_pictures(
    open_page: Open, lived: Lived, pictures: Path, where: str, language: str, scheme: str, width: int
) -> None:
    page = open_page(where=getattr(lived, where), scheme=scheme, width=width, height=844 if width < 500 else 768).page
    speaking(page, language)
    wrong: list[str] = []
    for screen in (one for one in TABLE if one.where == where):
        if width < 500 and screen.act:
            continue  # lists take the whole width there: the states are the desk's
        show(page, getattr(lived, where), lived, screen)
        page.screenshot(path=pictures / f"{screen.name}-{language}-{scheme}-{width}.png")
        wrong += [f"{screen.name}: {line}" for line in misshapen(page)]
    speaking(page, "vi")
    assert not wrong, "\n".join(wrong)
