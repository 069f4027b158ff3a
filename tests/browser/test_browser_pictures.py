"""A picture of every screen in both languages, both schemes, at a desk and on a phone, for people to look at
(LUYTRE_SCREENSHOTS=folder); and what a picture shows that no other test does: nothing is wider than its frame, letters
have room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.browser.lived import Lived
from tests.browser.screens import TABLE, show, speaking
from tests.browser.shape import misshapen

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALL = [(language, scheme, width) for language in ("vi", "en") for scheme in ("light", "dark") for width in (1366, 390)]


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
