"""The queue under the hands: keys, acts and undo, what arrives meanwhile, what the address keeps."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open
from tests.browser.world import World, one_more

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = """() => [...document.querySelectorAll('.grid-row')]
  .sort((a, b) => a.dataset.place - b.dataset.place).map(row => row.dataset.id)"""
CURSOR = "() => document.querySelector('.grid-row[data-cursor]')?.dataset.id"
FOCUS = "() => document.activeElement?.dataset.id"


def ready(page: Page) -> list[str]:
    page.wait_for_selector(".grid-row")
    page.locator("main h1").click()
    page.wait_for_timeout(300)
    return list(page.evaluate(ROWS))


def test_keys_move_open_and_come_back(open_page: Open) -> None:
    page = open_page().page
    rows = ready(page)
    page.keyboard.press("j")
    assert page.evaluate(CURSOR) == page.evaluate(FOCUS) == rows[1]
    page.keyboard.press("k")
    assert page.evaluate(CURSOR) == rows[0]
    page.keyboard.press("Enter")
    expect(page.locator(".pane")).to_contain_text(rows[0])
    page.keyboard.press("j")  # the pane follows the cursor
    expect(page.locator(".pane")).to_contain_text(rows[1])
    assert f"open={rows[1]}" in page.url
    page.keyboard.press("u")
    expect(page.locator(".pane")).to_have_count(0)
    assert page.evaluate(CURSOR) == rows[1]
    page.keyboard.press("x")
    page.keyboard.press("Shift+KeyJ")
    expect(page.locator(".bulk")).to_contain_text("Đã chọn 2 cảnh báo")
    page.keyboard.press("Escape")
    expect(page.locator(".bulk")).to_have_count(0)
    page.keyboard.press("Shift+Slash")
    expect(page.get_by_role("dialog")).to_contain_text("Nhận xử lý")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/#/incidents")
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url("**/#/alerts")


@pytest.mark.quiet
def test_an_act_is_seen_at_once_and_taken_back(open_page: Open) -> None:
    page = open_page().page
    rows = ready(page)
    row = page.locator(".grid-row", has_text="SSH thất bại")  # nobody's yet, whatever tests before this one took
    expect(row).to_contain_text("Mới")
    taken = str(row.get_attribute("data-id"))
    for _ in range(rows.index(taken)):
        page.keyboard.press("j")
    # Shown before the server has answered: its answer is held back for a second.
    took = page.evaluate(
        """async id => { const real = window.fetch;
      window.fetch = async (...words) => { await new Promise(done => setTimeout(done, 1000)); return real(...words) };
      const started = performance.now();
      document.activeElement.dispatchEvent(
        new KeyboardEvent('keydown', {code: 'KeyA', key: 'a', bubbles: true, cancelable: true}));
      while (!document.querySelector(`.grid-row[data-id="${id}"]`).textContent.includes('Quản trị viên'))
        await new Promise(requestAnimationFrame);
      const took = performance.now() - started; window.fetch = real; return took }""",
        taken,
    )
    assert took < 200, took  # the design's anchor is 100 ms, on a machine with nothing else to do
    expect(page.locator(".toast")).to_contain_text("Đã nhận xử lý")
    page.wait_for_timeout(1500)
    with page.expect_response("**/release"):
        page.keyboard.press("z")
    expect(row).to_contain_text("Mới")
    expect(page.locator(".toast").last).to_contain_text("Đã hoàn tác")
    page.reload()
    expect(row).to_contain_text("Mới")


def test_close_with_one_key_advances_and_undo_puts_it_back(open_page: Open) -> None:
    page = open_page().page
    rows = ready(page)
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator(f".grid-row[data-id='{rows[1]}']")).to_have_count(0)
    assert page.evaluate(CURSOR) == rows[2]  # the next one is at hand
    page.wait_for_timeout(300)
    assert page.evaluate(FOCUS) == rows[2]
    with page.expect_response("**/reopen"):
        page.keyboard.press("z")
    expect(page.locator(f".grid-row[data-id='{rows[1]}']")).to_be_visible()
    assert page.evaluate(ROWS) == rows
    page.reload()
    assert ready(page) == rows


def test_a_false_positive_must_say_why(open_page: Open) -> None:
    page = open_page().page
    rows = ready(page)
    page.keyboard.press("e")
    page.keyboard.press("3")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Đóng: Báo nhầm")).to_be_disabled()
    page.keyboard.type("Máy quét định kỳ của đơn vị")
    dialog.get_by_role("button", name="Đóng: Báo nhầm").click()
    expect(page.locator(f".grid-row[data-id='{rows[0]}']")).to_have_count(0)
    with page.expect_response("**/reopen"):
        page.keyboard.press("z")
    expect(page.locator(f".grid-row[data-id='{rows[0]}']")).to_be_visible()


def test_what_is_taken_back_before_its_answer_ends_open(open_page: Open) -> None:
    """A slow server: `z` comes while the close is on its way. The inverse waits for it; the alert ends open."""
    page = open_page().page
    rows = ready(page)
    order: list[str] = []
    page.on("response", lambda answer: answer.request.method == "POST" and order.append(answer.url.rsplit("/", 1)[-1]))

    def slowly(route: Route) -> None:
        page.wait_for_timeout(800)
        route.continue_()

    page.route("**/close", slowly)
    page.keyboard.press("e")
    page.keyboard.press("2")
    row = page.locator(f".grid-row[data-id='{rows[0]}']")
    expect(row).to_have_count(0)
    with page.expect_response("**/reopen") as answer:
        page.keyboard.press("z")
        expect(row).to_be_visible()
    assert answer.value.status == 200
    assert order == ["close", "reopen"]
    page.reload()
    assert ready(page) == rows


def test_a_refused_act_is_put_back_and_said(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    rows = ready(page)
    page.route("**/snooze", lambda route: route.abort())
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog")
    page.keyboard.press("2")
    dialog.locator("textarea").fill("Chờ đơn vị xác minh")
    dialog.get_by_role("button", name="Tạm hoãn", exact=True).click()
    expect(page.locator(".toast-bad")).to_contain_text("Không kết nối được máy chủ")
    expect(page.locator(f".grid-row[data-id='{rows[0]}']")).to_be_visible()
    watched.problems.clear()  # the cut request itself


def test_arrivals_wait_behind_a_pill(open_page: Open, world: World) -> None:
    page = open_page().page
    rows = ready(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    here = page.evaluate(CURSOR)
    box = page.locator(f".grid-row[data-id='{here}']").bounding_box()
    for number in range(3):
        one_more(world, number)
    pill = page.locator(".pill-new")
    expect(pill).to_contain_text("3 cảnh báo mới", timeout=15_000)
    expect(page).to_have_title(re.compile(r"^\(3\) "))
    assert page.evaluate(ROWS) == rows
    assert page.evaluate(CURSOR) == page.evaluate(FOCUS) == here
    total = page.locator(".tabs button[aria-pressed=true] .tab-count")
    expect(total).to_have_text(str(len(rows) + 3))
    assert box
    page.keyboard.press("r")
    expect(pill).to_have_count(0)
    assert page.evaluate(CURSOR) == here
    assert len(page.evaluate(ROWS)) == len(rows) + 3


def test_filters_live_in_the_address(open_page: Open, world: World) -> None:
    page = open_page().page
    ready(page)
    page.locator(".chip", has_text="Cao").click()
    page.get_by_role("searchbox").fill("dich vu cong")  # found without diacritics
    page.keyboard.press("Enter")
    expect(page.locator(".grid-row")).to_have_count(1)
    expect(page.locator(".grid-row")).to_contain_text("Dịch vụ công ngừng hoạt động")
    address = page.url
    page.goto(f"{world.base}/#/system")
    page.goto(address)
    expect(page.locator(".grid-row")).to_have_count(1)
    expect(page.locator(".chip[aria-pressed=true]")).to_contain_text("Cao")
    page.goto(f"{world.base}/#/alerts?q=khongcogi")
    expect(page.locator(".empty-filtered")).to_be_visible()
    page.get_by_role("button", name="Bỏ lọc").click()
    expect(page.locator(".grid-row").first).to_be_visible()
    page.goto(f"{world.base}/#/alerts?status=snoozed")
    expect(page.locator(".empty-done")).to_be_visible()


def test_telex_and_switched_off_keys_do_nothing(open_page: Open) -> None:
    page = open_page().page
    rows = ready(page)
    page.keyboard.press("k")
    page.evaluate(
        "() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {code: 'KeyJ', key: 'Process', isComposing: true, bubbles: true}))"
    )
    assert page.evaluate(CURSOR) == rows[0]
    page.evaluate(  # another layout: the key's letter is ô, its place is J
        "() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {code: 'KeyJ', key: 'ô', bubbles: true, cancelable: true}))"
    )
    assert page.evaluate(CURSOR) == rows[1]
    page.keyboard.press("Shift+Slash")
    page.get_by_role("dialog").get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    page.keyboard.press("j")
    assert page.evaluate(CURSOR) == rows[1]
    page.keyboard.press("ArrowDown")
    assert page.evaluate(CURSOR) == rows[2]


@pytest.mark.quiet
def test_row_steps_and_pane_are_fast(open_page: Open) -> None:
    """Anchors of the design: a row step ≤ 50 ms, the pane ≤ 200 ms (doubled here for a busy machine)."""
    page = open_page().page
    ready(page)
    step = """async () => { const t = performance.now();
      document.activeElement.dispatchEvent(
        new KeyboardEvent('keydown', {code: 'KeyJ', key: 'j', bubbles: true, cancelable: true}));
      await new Promise(done => requestAnimationFrame(() => setTimeout(done))); return performance.now() - t }"""
    steps = sorted(page.evaluate(step) for _ in range(5))
    assert steps[2] < 100, steps
    opened = page.evaluate(
        """async () => { const t = performance.now();
      document.activeElement.dispatchEvent(
        new KeyboardEvent('keydown', {code: 'KeyO', key: 'o', bubbles: true, cancelable: true}));
      while (!document.querySelector('.pane .reason')) await new Promise(requestAnimationFrame);
      return performance.now() - t }"""
    )
    assert opened < 400, opened
