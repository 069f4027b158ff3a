"""A list of indicators from the paste to the alert, on a node that works: its API, its indexer, its correlator.

A letter's annex is pasted, looked at, taken in; an event meets one of its values; the sighting and the alert are
seen; what is stored is looked through backwards; a value and the list are removed, each asked about first.
"""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, LANGUAGES, Look, Open
from tests.browser.screens import go, speaking
from tests.browser.world import PATIENCE_S, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BAD, NAME = "45.66.77.88", "cap-nhat-hethong.top"
# As it stands in the annex of a letter: defanged, with a heading and remarks; two that no SOC must take unseen.
ANNEX = f"""\
Chỉ dấu,Ghi chú
{BAD.replace(".", "[.]")},máy chủ điều khiển
{NAME.replace(".", "[.]")},tên miền giả mạo
hxxps://{NAME}/tai-ve/cong-van.exe,đường dẫn tải mã độc
9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,mẫu tệp
8.8.8.8,máy chủ phân giải tên miền công cộng
10.20.1.15,máy bị nhiễm
thong-tin-khong-ro,không rõ
"""
SOURCE = "Công văn 1664/CATTT-NCSC"
WORDS = {
    "vi": {"open": "Nhập chỉ dấu", "preview": "Xem trước", "apply": re.compile(r"^Nhập \d+ chỉ dấu"),
           "name": "Tên nguồn", "held": "Đang đối chiếu: 4",
           "sweep": "Rà soát ngược", "done": "đã xong", "show": "Xem",
           "remove": "Gỡ bỏ"},
    "en": {"open": "Take indicators in", "preview": "Preview", "apply": re.compile(r"^Take \d+ indicator"),
           "name": "Name of the source", "held": "Watched for now: 4", "sweep": "Sweep",
           "done": "done", "show": "Show", "remove": "Remove"},
}  # fmt: skip


def flow(world: World, ago_s: float, **fields: str) -> None:
    world.send([world.event("network.flow", time.time() - ago_s, source__ip="10.20.1.15", **fields)])


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_a_paste_to_the_alert_and_back(open_page: Open, working: World, look: Look, language: str) -> None:
    words = WORDS[language]
    page = open_page(where=working, width=DESK[0], height=DESK[1]).page
    speaking(page, language)
    flow(working, 2 * 86_400, dns__question__name=f"www.{NAME}", host__name="may-tram-15")  # before anybody knew

    go(page, working, "/indicators")
    expect(page.locator(".empty-title")).to_be_visible()
    look(page, "indicators-empty")
    page.get_by_role("button", name=words["open"]).click()
    dialog = page.get_by_role("dialog")
    look(page, "indicators-paste")
    dialog.locator("textarea").fill(ANNEX)
    dialog.get_by_role("button", name=words["preview"]).click()
    counts = dialog.locator(".sums .tag .figures")
    expect(counts).to_have_text(["4", "1", "1", "1"])  # new, asked about, refused, not recognised
    apply = dialog.get_by_role("button", name=words["apply"])
    expect(apply).to_have_attribute("aria-disabled", "true")  # a source needs a name
    look(page, "indicators-preview")
    lines = dialog.locator("tbody tr")
    expect(lines.filter(has_text="10.20.1.15").locator("input")).to_have_count(0)  # refused: nobody can tick it
    expect(lines.filter(has_text="8.8.8.8").locator("input")).not_to_be_checked()
    dialog.get_by_label(words["name"]).fill(SOURCE)
    apply.click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".grid-row")).to_have_count(4)
    expect(page.locator(".page-head")).to_contain_text(words["held"], timeout=PATIENCE_S * 1000)

    flow(working, 1, destination__ip=BAD, host__name="may-tram-15")
    met = page.locator(".grid-row").filter(has_text=BAD)
    working.wait_for(
        lambda: met.locator(".cell-end").inner_text() != "0", "the sighting", lambda: page.keyboard.press("r")
    )
    look(page, "indicators-list")
    met.click()  # the alerts that speak of it
    expect(page.locator(".grid-row")).to_have_count(1)
    expect(page.locator(".pane, .grid-row").first).to_contain_text(BAD)

    go(page, working, "/indicators?tab=sources")
    look(page, "indicators-sources")
    page.get_by_role("button", name=f"{words['sweep']} {SOURCE}").click()
    expect(page.locator("tbody .tag").first).to_have_text(words["done"], timeout=PATIENCE_S * 1000)
    page.get_by_role("button", name=f"{words['show']} {SOURCE}").first.click()  # the newest
    traces = page.locator(".traces tbody tr")
    expect(traces).to_have_count(2)
    expect(traces.filter(has_text=NAME)).to_contain_text("may-tram-15")
    look(page, "indicators-sweep-done")

    go(page, working, f"/indicators?q={NAME}")
    remove = page.get_by_role("button", name=f"{words['remove']} {NAME}")
    remove.click()
    expect(dialog).to_contain_text(NAME)
    look(page, "indicators-remove")
    page.keyboard.press("Escape")
    expect(page.locator(".grid-row")).to_have_count(1)  # nothing happened yet
    remove.click()
    dialog.get_by_role("button", name=words["remove"], exact=True).click()
    expect(page.locator(".empty-filtered")).to_be_visible()
    look(page, "indicators-none-match")
    go(page, working, "/indicators?tab=sources")
    page.get_by_role("button", name=f"{words['remove']} {SOURCE}").click()
    look(page, "indicators-remove-source")
    dialog.get_by_role("button", name=words["remove"], exact=True).click()
    expect(page.locator(".empty-title")).to_be_visible()
    look(page, "indicators-no-source")
