"""An exception from an alert, by keyboard: what it would hide is said before it can be saved; the list says what is in
force. The server's answers are given here; tests/unit/test_exceptions_api.py holds what they mean."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import DESK, LANGUAGES, Look, Open
from tests.browser.screens import go, speaking
from tests.browser.shape import FITS, TIGHT
from tests.browser.test_browser_screens import settle, speak
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULE = {"id": "r-1", "title": {"vi": "Dò mật khẩu SSH", "en": "SSH guessing"}, "level": "medium"}
ZERO = {"informational": 0, "low": 0, "medium": 0, "high": 0, "critical": 0}


WORDS = {
    "vi": {"save": "Lưu ngoại lệ", "reason": "Lý do (bắt buộc)", "force": "Đang hiệu lực", "end": "Kết thúc",
           "over": "Đã kết thúc", "read": "Đã đọc các lưu ý"},
    "en": {"save": "Save exception", "reason": "Reason", "force": "In force", "end": "End", "over": "Ended",
           "read": "I have read"},
}  # fmt: skip


def scan(world: World, source: str, count: int = 6) -> None:
    """A vulnerability scanner of the agency's own, as the rule web/scanner_user_agent.yml meets it."""
    world.send([
        world.event("nginx.access", time.time() - count + n, source__ip=source, host__name="cong-dvc-01",
                    http__request__method="GET", url__path=f"/thu-muc-{n}", http__response__status_code=404,
                    user_agent__original="Mozilla/4.0 (compatible; Nessus SOAP v0.0.1)") for n in range(count)
    ])  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_a_scan_to_the_end_of_its_exception(open_page: Open, working: World, look: Look, language: str) -> None:
    words, source = WORDS[language], f"10.20.9.{LANGUAGES.index(language) + 7}"
    page = open_page(where=working, width=DESK[0], height=DESK[1]).page
    speaking(page, language)
    go(page, working, "/rules/exceptions?state=active")
    scan(working, source)
    go(page, working, f"/alerts?q={source}")
    rows = page.locator(".grid-row")
    working.wait_for(rows.count, "the scan's alert", lambda: page.keyboard.press("r"))
    rows.first.click()

    held: list[Route] = []
    page.route("**/exceptions/preview", lambda route: held.append(route))  # noqa: PLW0108 – Playwright marks its handler
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog")
    working.wait_for(lambda: held, "the test", lambda: page.wait_for_timeout(100))
    look(page, "exception-testing")
    for route in held:
        route.continue_()
    page.unroute("**/exceptions/preview")
    expect(dialog.locator(".except-would")).to_contain_text("1")
    dialog.get_by_label(words["reason"]).fill("Đợt rà quét định kỳ của Sở")
    notes = dialog.get_by_label(words["read"])
    if notes.count():
        notes.check()
    look(page, "exception-tested")
    dialog.get_by_role("button", name=words["save"]).click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".toast")).to_contain_text("NL-")
    look(page, "exception-saved")

    go(page, working, "/rules/exceptions")
    mine = rows.filter(has_text=source)
    working.wait_for(lambda: words["force"] in mine.inner_text(), "in force", lambda: page.keyboard.press("r"))
    scan(working, source, 5)
    hidden = mine.locator(".cell-end .figures")
    working.wait_for(lambda: hidden.inner_text() == "5", "5 hidden", lambda: page.keyboard.press("r"))
    look(page, "exceptions-list")
    mine.get_by_role("button", name=words["end"], exact=True).click()
    dialog.locator("textarea").fill("Đã kết thúc đợt rà quét")
    look(page, "exceptions-end")
    dialog.get_by_role("button", name=words["end"], exact=True).click()
    expect(mine).to_contain_text(words["over"])
    look(page, "exceptions-ended")
    go(page, working, f"/alerts?q={source}")
    expect(rows).to_have_count(1)  # the five were hidden, not folded in
    expect(rows.first).to_contain_text(re.compile(r"\b6\b"))


def proposal(**more: Any) -> dict[str, Any]:
    def one(name: str, value: str, *, chosen: bool, attacker: bool = False) -> dict[str, Any]:
        return {"condition": {"field": name, "op": "is", "values": [value]}, "chosen": chosen,
                "attacker_chosen": attacker}  # fmt: skip

    return {
        "alert_id": "CB-2026-000001", "agency": "so-kh-cn", "rules": [RULE], "readers": [], "level": "medium",
        "conditions": [one("host.name", "cong-dvc-01", chosen=True), one("user.name", "quet", chosen=True),
                       one("process.command_line", "C:\\Temp\\" + "a" * 200, chosen=False, attacker=True)],
        "may_save": True, "until": "2027-02-20T03:00:00Z", "until_last": "2030-11-22T03:00:00Z", "impossible": None,
        **more,
    }  # fmt: skip


def preview(conditions: list[Any]) -> dict[str, Any]:
    loud = any(one["field"] == "process.command_line" for one in conditions)
    return {
        "days": 30, "covered_since": "2026-10-23T00:00:00Z", "covered_until": "2026-11-22T00:00:00Z", "complete": True,
        "partial": "", "events_read": 12_345, "alerts": 214, "alerts_before": 300, "hits": 4_100, "hits_before": 5_000,
        "by_level": ZERO | {"medium": 214}, "by_host": [{"value": "cong-dvc-01", "count": 4_100}], "hosts": 1,
        "sample": [{"at": "2026-11-20T01:02:03Z", "rule_id": "r-1", "title": RULE["title"], "level": "medium",
                    "reason": {"vi": "quet thử mật khẩu", "en": "quet tried"}, "event_ids": ["e1"]}],
        "readers": [], "alert_events": 3, "alert_hidden": 3, "open_alerts": 2,
        "warnings": ["attacker_chosen"] if loud else [], "must_accept": ["attacker_chosen"] if loud else [],
        "may_save": True, "took_s": 0.4,
    }  # fmt: skip


def exception(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"NL-2026-{number:06}", "agency": "so-kh-cn", "alert_id": "CB-2026-000001", "rules": [RULE],
        "conditions": [proposal()["conditions"][0]["condition"]],
        "level": "medium", "reason": "Máy quét lỗ hổng của Sở", "owner": "Lan", "created_at": "2026-11-22T03:00:00Z",
        "until": "2027-02-20T03:00:00Z", "state": "active", "force": "in_force", "fault": "", "hidden": 1_234,
        "hidden_at": "2026-11-22T03:00:00Z", "ended": None, "mine": True, "may_end": True, "revision": 1,
        "closed_alerts": 0, "tested": {"at": "2026-11-22T03:00:00Z", "days": 30, "complete": True, "alerts": 1,
                                       "hits": 1, "by_level": {}, "warnings": []},
        **more,
    }  # fmt: skip


def answer(page: Page, saved: list[dict[str, Any]], **more: Any) -> None:
    def save(route: Route) -> None:
        if route.request.method == "GET":
            route.fulfill(json={"items": [], "next": None, "total": 0,
                                "counts": {"active": 0, "ended": 0, "expired": 0}})  # fmt: skip
            return
        saved.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(status=201, json=exception(1, closed_alerts=2))

    page.route("**/api/v1/alerts/*/exception", lambda route: route.fulfill(json=proposal(**more)))
    page.route("**/api/v1/exceptions/preview", lambda route: route.fulfill(
        json=preview(json.loads(route.request.post_data or "{}")["conditions"])))  # fmt: skip
    page.route("**/api/v1/exceptions", save)


def test_it_is_tested_as_it_is_put_together(open_page: Open, pictures: Path) -> None:
    page = open_page().page
    saved: list[dict[str, Any]] = []
    answer(page, saved)
    page.locator(".grid-row").first.click()
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".except-would")).to_contain_text("Trong 30 ngày qua sẽ ẩn 214 cảnh báo, 0 mức cao trở lên")
    assert page.evaluate(TIGHT) == []
    page.screenshot(path=pictures / "exception-vi-light.png")
    button = dialog.get_by_role("button", name="Lưu ngoại lệ")
    expect(button).to_be_disabled()  # no reason yet
    dialog.locator("textarea").fill("Máy quét lỗ hổng của Sở")
    expect(button).to_be_enabled()
    dialog.get_by_label("a" * 200).check()
    expect(dialog.locator(".except-warnings")).to_contain_text("đối tượng tấn công tự đặt")
    expect(button).to_be_disabled()  # until what it warns of was read
    dialog.get_by_label("Đã đọc các lưu ý").check()
    dialog.get_by_label("Đóng 2 cảnh báo").check()
    button.click()
    expect(page.locator(".toast")).to_contain_text("NL-2026-000001")
    [body] = saved
    assert [one["field"] for one in body["conditions"]] == ["host.name", "user.name", "process.command_line"]
    assert (body["accepted"], body["close_open"], body["reason"]) == (
        ["attacker_chosen"], True, "Máy quét lỗ hổng của Sở")  # fmt: skip


def test_what_cannot_be_excepted_says_why(open_page: Open) -> None:
    page = open_page(width=620).page
    answer(page, [], rules=[], conditions=[], impossible={"vi": "Luật không còn được nạp.", "en": "Gone."})
    page.locator(".grid-row").first.click()
    page.keyboard.press("t")
    expect(page.get_by_role("dialog")).to_contain_text("Luật không còn được nạp.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_list_says_what_is_in_force(open_page: Open, pictures: Path) -> None:
    page = open_page().page
    base = page.url.split("#")[0]
    page.goto(f"{base}#/rules/exceptions")
    expect(page.locator(".empty-title")).to_contain_text("Chưa có ngoại lệ nào")
    items = [
        exception(4), exception(3, force="waiting", hidden=0, hidden_at=None),
        exception(2, force="refused", fault="LT-R0703", hidden=0),
        exception(1, state="ended", force="over", may_end=False,
                  ended={"at": "2026-11-22T04:00:00Z", "by": "Bình", "reason": "đã thay máy quét"}),
    ]  # fmt: skip
    found = {"items": items, "next": None, "total": 4, "counts": {"active": 3, "ended": 1, "expired": 0}}
    page.route("**/api/v1/exceptions", lambda route: route.fulfill(json=found))
    for language in ("vi", "en"):
        speak(page, language)
        page.goto(f"{base}#/rules")
        page.goto(f"{base}#/rules/exceptions")
        page.reload()
        expect(page.locator(".grid-row")).to_have_count(4)
        settle(page)
        assert page.evaluate(TIGHT) == []
        assert page.evaluate(FITS)
        page.screenshot(path=pictures / f"exceptions-{language}-light.png")
    speak(page, "vi")
    rows = page.locator(".grid-row")
    expect(rows.nth(0)).to_contain_text("Đang hiệu lực")
    expect(rows.nth(1)).to_contain_text("Chờ bộ phân tích")
    expect(rows.nth(2).locator(".tag")).to_have_attribute("title", "Luật được nêu không còn chạy")
    expect(rows.nth(3)).to_contain_text("Bình kết thúc: đã thay máy quét")
    ended: list[str] = []
    page.route("**/api/v1/exceptions/*/end", lambda route: (
        ended.append(route.request.post_data or ""), route.fulfill(json=exception(4, state="ended"))))  # fmt: skip
    rows.nth(0).get_by_role("button", name="Kết thúc").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("textarea").fill("hết quét")
    dialog.get_by_role("button", name="Kết thúc").click()
    expect(page.locator(".toast")).to_contain_text("Đã kết thúc ngoại lệ")
    assert json.loads(ended[0]) == {"reason": "hết quét"}
