"""A real Chromium before a real node. Chromium is the distribution's; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.lived import Lived, live
from tests.browser.screens import SCHEMES, speaking
from tests.browser.shape import misshapen
from tests.browser.world import World, story

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dashboards" / "dist" / "index.html"
expect.set_options(timeout=15_000)  # a machine with other work; what is fast is asserted where it matters
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def _lacking(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


# Package, not session: Playwright keeps an event loop running in this thread, and whoever comes after them may want
# one of their own (`asyncio.run`). The nodes end with them too.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        _lacking("no chromium on this machine (Debian: apt-get install chromium)")
    if not DIST.is_file():
        built = subprocess.run(
            [sys.executable, str(ROOT / "dashboards" / "hatch_build.py")], capture_output=True, text=True, check=False
        )
        if built.returncode:
            _lacking(f"the dashboard cannot be built: {built.stderr[-300:]}")
    with sync_playwright() as play:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses root otherwise
        browser = play.chromium.launch(executable_path=path, args=[*FLAGS, *root])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    node = World(tmp_path_factory.mktemp("node"))
    try:
        node.start("api", "index")
        story(node)
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="package")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A node with its correlator, and nothing on it yet: what a test sends is met by the rules as they are shipped."""
    node = World(tmp_path_factory.mktemp("working"), exercise=False)
    try:
        yield node.start("api", "index", "run")
    finally:
        node.stop()


@pytest.fixture(scope="package")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A city's node and the centre with something on every screen; tests look and change nothing that others count."""
    pair = live(tmp_path_factory.mktemp("lived"))
    try:
        yield pair
    finally:
        pair.stop()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("LUYTRE_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


PHONE, DESK = (390, 844), (1280, 800)
SETTLES = 50
LANGUAGES = ("vi", "en") if os.environ.get("LUYTRE_SCREENSHOTS") else ("vi",)
Look = Callable[[Page, str], None]


@pytest.fixture
def look(pictures: Path) -> Iterator[Look]:
    """A state of a screen on a phone and at a desk: nothing wider than its frame; a picture of it in each scheme."""
    wrong: list[str] = []

    def at(page: Page, name: str) -> None:
        language = page.locator("html").get_attribute("lang")
        for width, height in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": height})
            found = misshapen(page)
            for _ in range(SETTLES):  # the page hears of its new width a moment later
                if not found:
                    break
                page.wait_for_timeout(100)
                found = misshapen(page)
            wrong.extend(f"{name} {width}: {line}" for line in found)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.screenshot(path=pictures / f"{name}-{language}-{scheme}-{width}.png")

    yield at
    assert wrong == []


class Watched:
    """A page, and what went wrong in it: console errors, exceptions, requests to anywhere else."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.problems: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _console(self, message: object) -> None:
        text = str(getattr(message, "text", ""))
        if getattr(message, "type", "") == "error" and "401 (Unauthorized)" not in text:
            self.problems.append(f"console: {text}")

    def _request(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith(self.base):
            self.problems.append(f"request to {url}")


Open = Callable[..., Watched]


@pytest.fixture
def open_page(chromium: Browser, world: World) -> Iterator[Open]:
    """`open_page()` signs in with a one-time link, in Vietnamese; `open_page(signed_in=False)` is nobody."""
    contexts: list[BrowserContext] = []
    pages: list[Watched] = []

    def make(
        *, signed_in: bool = True, scheme: str = "light", width: int = 1440, height: int = 900, where: World = world
    ) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        watched = Watched(context.new_page(), where.base)
        pages.append(watched)
        if signed_in:
            watched.page.goto(where.link())
            speaking(watched.page, "vi")  # kept by the server: a test that failed half way may have left another one
            watched.page.goto(f"{where.base}/#/alerts")  # most tests begin there; the start page is the overview
        else:
            watched.page.goto(where.base)
            watched.page.wait_for_selector(".login-card")
        return watched

    yield make
    for context in contexts:
        context.close()
    assert [problem for watched in pages for problem in watched.problems] == []
