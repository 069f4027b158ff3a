"""Deadlines and official documents as a person meets them: every tab, the incident's two panels, the first papers."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.browser.screens import SCHEMES
from tests.browser.shape import FITS, TIGHT
from tests.browser.test_browser_screens import incident, settle
from tests.browser.world import AGENCY, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TABS = ("due", "calendar", "rules", "organisation")
SIZES = ((1366, 768), (390, 844))
CALL = """async ([method, path, body]) => {
  const me = await (await fetch('/api/v1/session')).json();
  const answer = await fetch('/api/v1' + path, {method, headers: {'X-CSRF-Token': me.csrf,
    'Content-Type': 'application/json'}, body: JSON.stringify(body)});
  if (!answer.ok) throw new Error(path + ' ' + answer.status + ' ' + await answer.text());
}"""


def speak(page: Page, language: str) -> None:
    """The server keeps the choice; where its button stands is another test's."""
    page.evaluate(CALL, ["PATCH", "/session", {"language": language}])
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", language)


def panel(page: Page, title: str) -> Locator:
    return page.locator(".panel", has=page.get_by_role("heading", name=re.compile(title)))


def taken(page: Page, link: Locator) -> tuple[str, bytes]:
    with page.expect_download(timeout=60_000) as waiting:
        link.click()
    file = waiting.value
    return file.suggested_filename, Path(file.path()).read_bytes()


def test_first_notice_and_72_hour_report_from_the_page(open_page: Open, world: World) -> None:
    """An officer's first day: the letter head, the assessment, two papers in both formats, one handed over."""
    page = open_page(width=1366, height=768).page
    page.wait_for_selector(".grid-row")
    speak(page, "vi")
    where = incident(page)
    page.goto(f"{world.base}/#/clocks?tab=organisation")
    page.get_by_label("Ký hiệu viết tắt").fill("SKHCN")
    page.get_by_label("Địa danh").fill("Tre Xanh")
    page.get_by_label("Chức vụ người ký").fill("Giám đốc")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Đã lưu").first).to_be_visible()
    page.goto(f"{world.base}/#/incidents/{where}")
    deadlines, papers = panel(page, "Thời hạn báo cáo"), panel(page, "Văn bản")
    if not deadlines.locator(".clock-list > li", has_text="24 giờ").count():
        deadlines.get_by_role("button", name="Đánh giá sự cố").click()
        page.get_by_label("Sự cố nghiêm trọng").check()
        page.get_by_label("Lý do").fill("Máy cổng dịch vụ công bị chiếm quyền điều khiển.")
        page.get_by_role("button", name="Xác nhận").click()
    expect(deadlines.locator(".clock-list > li", has_text="24 giờ")).to_contain_text("còn")
    for form, words in (("first", "Ban đầu về sự cố"), ("report72", "Nguyên nhân, phạm vi")):
        papers.get_by_label("Mẫu văn bản").select_option(form)
        papers.get_by_role("button", name="Lập văn bản").click()
        mine = papers.locator(".papers > li").first
        expect(mine).to_contain_text("Báo cáo ban đầu" if form == "first" else "72 giờ")
        name, docx = taken(page, mine.get_by_role("link", name=".docx"))
        assert re.fullmatch(rf"{where}-{form}-VB-\d{{4}}-\d{{6}}\.docx", name)
        text = zipfile.ZipFile(io.BytesIO(docx)).read("word/document.xml").decode()
        assert re.search(words, text)
        assert "TRE XANH" in text.upper()
        name, pdf = taken(page, mine.get_by_role("link", name="PDF"))
        assert name.endswith(".pdf")
        assert pdf.startswith(b"%PDF-1.")
    mine.get_by_role("button", name="Ghi nhận đã gửi").click()
    page.get_by_label("Số, ký hiệu văn bản").fill("21/BC-SKHCN")
    page.get_by_role("button", name="Xác nhận đã gửi").click()
    expect(mine).to_contain_text("21/BC-SKHCN")
    expect(deadlines.locator(".clock-list > li", has_text="72 giờ")).to_contain_text("Đã báo cáo")
    expect(deadlines.locator(".clock-list > li", has_text="24 giờ")).to_contain_text("còn")  # the other one runs on


@pytest.mark.parametrize("scheme", SCHEMES)
def test_screens_of_deadlines(open_page: Open, world: World, pictures: Path, scheme: str) -> None:
    page = open_page(scheme=scheme, width=1366, height=768).page
    page.wait_for_selector(".grid-row")
    where = incident(page)
    page.evaluate(CALL, ["POST", f"/organisations/{AGENCY}", {"parent": "UBND tỉnh"}])
    for language in ("vi", "en"):
        speak(page, language)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for tab in TABS:
                page.goto(f"{world.base}/#/clocks?tab={tab}")
                expect(page.locator("main h1").first).to_be_visible()
                settle(page)
                page.screenshot(path=pictures / f"clocks-{tab}-{language}-{scheme}-{width}.png")
                assert page.evaluate(TIGHT) == [], (tab, width)
                assert page.evaluate(FITS), (tab, width)
            page.goto(f"{world.base}/#/incidents/{where}")
            heading = page.get_by_role("heading", name=re.compile("Thời hạn|deadlines")).first
            expect(heading).to_be_visible()
            settle(page)
            page.screenshot(path=pictures / f"clocks-incident-{language}-{scheme}-{width}.png", full_page=True)
            heading.scroll_into_view_if_needed()
            page.screenshot(path=pictures / f"clocks-panels-{language}-{scheme}-{width}.png")
            assert page.evaluate(TIGHT) == [], ("incident", width)
            assert page.evaluate(FITS), ("incident", width)
    speak(page, "vi")
