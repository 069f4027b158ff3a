"""The national centre in a browser: the tile map in every state, both islands always shown; the register; the lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open
from tests.browser.shape import FITS
from tests.browser.test_browser_federation import SLOW_MS, beacon
from tests.browser.test_browser_screens import settle, speak
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STATES = ("connected", "lagging", "silent", "never")
# Of each tile: what is wrong with it, in words. Its text lies inside it with a pixel of room on each side, is not cut,
# is what lies on top there, and stands out from its ground by 4.5 to 1; its mark by 3 to 1.
WRONG = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const seen = text => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const ground = node => { let at = node, found = [255, 255, 255, 255];
    const layers = [];
    for (; at; at = at.parentElement) layers.push(seen(getComputedStyle(at).backgroundColor));
    for (const [r, g, b, a] of layers.reverse()) { const k = a / 255;
      found = [r * k + found[0] * (1 - k), g * k + found[1] * (1 - k), b * k + found[2] * (1 - k)]; }
    return found; };
  const linear = v => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
  const light = colour => { const [x, y, z] = colour.slice(0, 3).map(linear);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const wrong = [];
  for (const tile of document.querySelectorAll('.tile')) {
    const name = tile.dataset.unit, box = tile.getBoundingClientRect();
    const map = document.querySelector('.tile-map').getBoundingClientRect();
    const inside = box.left >= map.left && box.right <= map.right && box.top >= map.top && box.bottom <= map.bottom;
    if (!inside || box.width < 20) wrong.push(`${name}: outside the map`);
    const text = [...tile.querySelectorAll('.tile-name, .tile-short')].find(node => node.checkVisibility());
    if (!text) { wrong.push(`${name}: no text`); continue; }
    const range = document.createRange(); range.selectNodeContents(text);
    for (const line of range.getClientRects()) {
      const room = [line.left - box.left - 2, box.right - line.right - 2, line.top - box.top, box.bottom - line.bottom];
      if (Math.min(...room) < 0) wrong.push(`${name}: text at the edge ${room.map(v => v.toFixed(1))}`);
    }
    const cut = tile.scrollWidth > tile.clientWidth + 1 || tile.scrollHeight > tile.clientHeight + 1;
    if (cut) wrong.push(`${name}: text is cut`);
    const stands = ratio(seen(getComputedStyle(text).color), ground(tile));
    if (stands < 4.5) wrong.push(`${name}: text contrast ${stands.toFixed(2)}`);
    const mark = tile.querySelector('.state-mark');
    if (ratio(seen(getComputedStyle(mark).stroke), ground(tile)) < 3) wrong.push(`${name}: mark contrast`);
    const m = mark.getBoundingClientRect();
    for (const line of range.getClientRects())
      if (line.left < m.right - 1 && line.right > m.left + 1 && line.top + 5 < m.bottom && line.bottom - 5 > m.top)
        wrong.push(`${name}: the mark lies on the text`);
    if (tile.classList.contains('tile-island')) {
      tile.scrollIntoView({ block: 'center' });
      const now = range.getBoundingClientRect();
      const top = document.elementFromPoint((now.left + now.right) / 2, (now.top + now.bottom) / 2);
      if (!tile.contains(top)) wrong.push(`${name}: something lies over it`);
      const read = text.innerText.trim();
      if (read !== { 'hoang-sa': 'Hoàng Sa', 'truong-sa': 'Trường Sa' }[name]) wrong.push(`${name}: reads ${read}`);
    }
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """The nation (with the register, so no exercise) and one city."""
    folder = tmp_path_factory.mktemp("nation")
    nodes: list[World] = []
    try:
        centre = World(folder / "centre", agency="quoc-gia", name="Trung tâm Giám sát quốc gia", role="national",
                       exercise=False)  # fmt: skip
        nodes.append(centre.start("api"))
        city = World(folder / "city", agency="ubnd-hue", name="UBND thành phố Huế", upstream=centre, exercise=False)
        nodes.append(city.start("api"))
        beacon(city)
        yield centre, city
    finally:
        for node in nodes:
            node.stop()


class Answering:
    """/national as the centre answers it, with every cell in one state (or none named at all)."""

    def __init__(self, page: Page) -> None:
        self.state = "connected"
        page.route(re.compile(r"/api/v1/national$"), self.answer)

    def answer(self, route: Route) -> None:
        found: dict[str, Any] = route.fetch().json()
        units = route.request.frame.evaluate(
            "[...document.querySelectorAll('.tile')].map(tile => tile.dataset.unit)"
        ) or ["ha-noi"]  # fmt: skip
        cells = [{"unit": unit, "name": unit, "state": self.state, "agencies": 12, "connected": 7} for unit in units]
        found["cells"] = [] if self.state == "never" else cells
        route.fulfill(json=found)


@pytest.mark.parametrize("width", [1440, 1366, 768, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_islands_are_always_shown(
    open_page: Open, pair: tuple[World, World], pictures: Path, scheme: str, width: int
) -> None:
    centre, _ = pair
    page = open_page(where=centre, scheme=scheme, width=width).page
    answering = Answering(page)
    for language in ("vi", "en"):
        if width > 700:  # on a phone the choice is in a sheet; the language is the account's and was tried above
            speak(page, language)
        page.goto(f"{centre.base}/#/national")
        expect(page.locator(".tile")).to_have_count(36)
        for state in STATES:
            answering.state = state
            page.keyboard.press("r")
            expect(page.locator(f".tile-island[data-state={state}]")).to_have_count(2)
            expect(page.locator(f".tile[data-state={state}]")).to_have_count(36)
            assert page.evaluate(WRONG) == [], f"{state} {language} {scheme} {width}"
            assert page.evaluate(FITS), f"{state} {language} {width} scrolls sideways"
            for island in ("hoang-sa", "truong-sa"):
                name = page.locator(f".tile[data-unit={island}]").get_attribute("aria-label") or ""
                assert name.startswith("Hoàng Sa" if island == "hoang-sa" else "Trường Sa")
            page.locator(".national-map").screenshot(path=pictures / f"map-{state}-{language}-{scheme}-{width}.png")
    if width > 700:
        speak(page, "vi")
    page.unroute_all()


def test_the_map_is_walked_with_arrow_keys(open_page: Open, pair: tuple[World, World]) -> None:
    page = open_page(where=pair[0]).page
    page.goto(f"{pair[0].base}/#/national")
    expect(page.locator(".tile")).to_have_count(36)
    assert page.locator(".tile[tabindex='0']").count() == 1  # one stop for Tab, arrows inside

    def at() -> str:
        return str(page.evaluate("document.activeElement.dataset.unit"))

    page.locator(".tile[data-unit=ha-noi]").focus()
    met = {at()}
    steps = [("da-nang", "ArrowRight", "hoang-sa"), ("khanh-hoa", "ArrowRight", "truong-sa")]
    steps += [("hoang-sa", "ArrowLeft", "da-nang"), ("truong-sa", "ArrowLeft", "khanh-hoa")]
    for start, key, wanted in steps:
        page.locator(f".tile[data-unit={start}]").focus()
        page.keyboard.press(key)
        assert at() == wanted
    # Every tile can be reached from Hà Nội by arrows alone.
    waiting = ["ha-noi"]
    while waiting:
        here = waiting.pop()
        for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"):
            page.locator(f".tile[data-unit={here}]").focus()
            page.keyboard.press(key)
            if at() not in met:
                met.add(at())
                waiting.append(at())
    assert len(met) == 36
    page.locator(".tile[data-unit=truong-sa]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tile[data-unit=truong-sa]")).to_have_attribute("aria-pressed", "true")
    assert "unit=truong-sa" in page.url


def test_the_register_is_searched_and_changed(open_page: Open, pair: tuple[World, World], pictures: Path) -> None:
    centre, _ = pair
    page = open_page(where=centre).page
    page.goto(f"{centre.base}/#/national")
    page.get_by_role("link", name="Sổ đơn vị").click()
    expect(page.locator(".grid-row").first).to_be_visible(timeout=SLOW_MS)
    page.screenshot(path=pictures / "organisation-vi-light.png")
    page.locator("input.search").fill("bac giang")  # an old name, without diacritics
    expect(page.locator(".grid-row")).to_have_count(1)
    expect(page.locator(".grid-row").first).to_contain_text("Bắc Ninh")
    page.get_by_role("button", name=re.compile("^Ghi thay đổi của")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tên", exact=True).fill("Tỉnh Bắc Ninh mới")
    dialog.get_by_label("Văn bản").fill("Văn bản dùng cho kiểm thử")
    page.screenshot(path=pictures / "organisation-change-vi-light.png")
    dialog.get_by_role("button", name="Ghi vào sổ").click()
    expect(page.locator(".grid-row").first).to_contain_text("Tỉnh Bắc Ninh mới")
    expect(page.locator(".organisation-events li").first).to_contain_text("Đổi tên")
    page.locator("input.search").fill("")
    page.locator("input[type=date]").first.fill("2024-01-01")  # as it was: sixty-three provinces and cities
    expect(page.locator(".organisation-table")).to_contain_text("Bắc Giang")
    expect(page.get_by_role("button", name="Ghi thay đổi")).to_have_count(0)  # the past is imported, not edited


def test_an_agency_gets_its_unit_and_an_incident_changes_hands(
    open_page: Open, pair: tuple[World, World], pictures: Path
) -> None:
    centre, city = pair
    above, below = open_page(where=centre).page, open_page(where=city).page
    above.goto(f"{centre.base}/#/national/ubnd-hue")
    above.get_by_role("button", name="Gắn với đơn vị trong sổ").click()
    dialog = above.get_by_role("dialog")
    dialog.get_by_label("Đơn vị").fill("hue")
    dialog.get_by_role("button", name=re.compile("Huế")).first.click()
    dialog.get_by_role("button", name="Xác nhận").click()
    expect(above.locator(".facts", has_text="Đơn vị hành chính")).to_contain_text("Huế")

    below.goto(f"{city.base}/#/alerts")
    below.locator(".grid-row").first.locator("input[type=checkbox]").check()
    below.keyboard.press("m")
    below.get_by_role("dialog").locator("input").fill("Máy trạm gọi máy chủ lạ")
    below.get_by_role("dialog").locator("button[type=submit]").click()
    below.wait_for_url("**/#/incidents/SC-*")
    lead = below.locator(".lead")
    expect(lead).to_contain_text("Bên mình chủ trì")
    lead.get_by_role("button", name="Đề nghị cấp trên chủ trì").click()
    below.get_by_role("dialog").locator("textarea").fill("Vượt khả năng của đơn vị")
    below.get_by_role("dialog").locator("button[type=submit]").click()
    expect(lead).to_contain_text("đang chờ trả lời", timeout=SLOW_MS)  # the centre has it
    settle(below)
    below.screenshot(path=pictures / "lead-agency-waits-vi-light.png")

    above.goto(f"{centre.base}/#/inbox")
    row = above.locator(".grid-row", has_text="Máy trạm gọi máy chủ lạ")
    expect(row).to_contain_text("Chờ trả lời về chủ trì", timeout=SLOW_MS)
    row.click()
    pane = above.locator(".pane .lead")
    expect(pane).to_contain_text("Vượt khả năng của đơn vị")
    above.screenshot(path=pictures / "lead-centre-asked-vi-light.png")
    pane.get_by_role("button", name="Đồng ý", exact=True).click()
    above.get_by_role("dialog").locator("button[type=submit]").click()
    expect(pane).to_contain_text("Bên mình chủ trì")
    expect(lead).to_contain_text("Cấp trên chủ trì", timeout=SLOW_MS)
    expect(below.locator(".history").first).to_contain_text("quyền chủ trì đã chuyển")
    below.screenshot(path=pictures / "lead-agency-after-vi-light.png")
