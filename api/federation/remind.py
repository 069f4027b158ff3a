"""Reminders: the centre writes to an agency, its node shows it to people there. On record on both sides.

Drafted in the manner of an official letter (công văn) without number, date or signature: those are the clerk's. In: the
judgement of an agency. Out: a text that a person edits and sends as a word (`kind` reminder) over the federation link;
an agency whose node does not answer gets it when it next asks, and the text can be copied or printed meanwhile.
Bound: TEXT characters; KEPT reminders an agency on its own screen.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.ids import next_id
from api.federation import answers
from api.federation.coverage import Judged
from api.federation.saying import next_word
from api.notices.tell import tell
from api.runtime import Runtime
from api.state.federation import Spoken
from api.state.national import Reminded, Reminder

About = Literal["silent", "selftest", "late", "certificate", "sensors", "other"]
TEXT, KEPT = 10_000, 200
_WHY: dict[str, str] = {
    "silent": "Qua theo dõi, {centre} không nhận được dữ liệu giám sát của {agency} kể từ {since}.",
    "selftest": "Qua theo dõi, {centre} chưa nhận được cảnh báo tự kiểm tra của {agency} trong 07 ngày gần nhất, "
                "nên chưa xác nhận được tuyến giám sát đang hoạt động thông suốt.",
    "late": "Báo cáo định kỳ gần nhất của nút giám sát tại {agency} gửi đến {centre} từ {since}, chậm so với quy định.",
    "certificate": "Chứng thư của nút giám sát tại {agency} sắp hết hạn và chưa được gia hạn tự động.",
    "sensors": "Theo báo cáo của nút giám sát, một số cảm biến của {agency} không còn gửi dữ liệu.",
    "other": "{centre} trao đổi với {agency} nội dung sau:",
}  # fmt: skip
_DO: dict[str, tuple[str, ...]] = {
    "silent": ("Kiểm tra nguồn điện, đường truyền và trạng thái của nút giám sát, cảm biến.",
               "Khôi phục việc gửi dữ liệu; nếu chưa khôi phục được, cho biết nguyên nhân và thời gian dự kiến."),
    "selftest": ("Kiểm tra tiến trình của cảm biến nhật ký và kết nối lên cấp trên (màn hình Hệ thống).",
                 "Chạy tự kiểm tra bằng lệnh luytre-sensor selftest và theo dõi kết quả."),
    "late": ("Kiểm tra đường truyền và trạng thái của nút giám sát.",),
    "certificate": ("Kiểm tra kết nối của nút lên cấp trên; khi cần, ghi danh lại bằng lệnh luytre enrol upstream.",),
    "sensors": ("Kiểm tra các cảm biến được nêu trên màn hình Cảm biến và khôi phục việc gửi dữ liệu.",),
    "other": (),
}  # fmt: skip


def about_of(judged: Judged) -> About:
    """What the agency most needs to be reminded of."""
    if judged.state in ("never", "silent"):
        return "silent"
    if judged.state == "lagging":
        return "selftest"
    order: tuple[tuple[str, About], ...] = (("late", "late"), ("certificate", "certificate"), ("sensors", "sensors"))
    return next((about for warning, about in order if warning in judged.warnings), "other")


def draft(about: About, *, centre: str, agency: str, since: str) -> str:
    """Vietnamese, as offices write to each other; a person edits it before it goes."""
    if about == "silent" and not since:
        why = f"Qua theo dõi, {centre} chưa nhận được dữ liệu giám sát của {agency} từ khi được ghi danh."
    else:
        why = _WHY[about].format(centre=centre, agency=agency, since=since or "thời điểm chưa xác định")
    lines = [f"Kính gửi: {agency}", "", why]
    if _DO[about]:
        lines += [f"Đề nghị {agency}:", *(f"{number}. {text}" for number, text in enumerate(_DO[about], 1))]
    lines += ["", f"Kết quả xử lý đề nghị thông báo về {centre} qua hệ thống giám sát.", "Trân trọng.", "", centre]
    return "\n".join(lines)


def send(desk: Desk, agency: str, about: About, text: str, by: str) -> Reminder:
    assert desk.access is not None
    number = next_word(desk.session, desk.now)
    row = Reminder(id=next_id(desk.session, "NN", desk.now), agency=agency, about=about, text=text, at=desk.now, by=by,
                   word=number)  # fmt: skip
    desk.session.add(row)
    word = Spoken(id=number, sender="", at=desk.now, item_id=row.id, raised_id=None, kind="reminder", text=text, by=by,
                  agency=agency, about={"about": about})  # fmt: skip
    desk.session.add(word)
    desk.audit.record(
        desk.session, desk.access.actor, "agency.reminded", row.id, agency=agency, detail={"about": about}
    )
    changed(desk.session, desk.bell, "national", agency, agency=agency, revision=0, now=desk.now)
    desk.session.flush()
    return row


def fetched(session: Session, agency: str, after: int, now: float) -> bool:
    """A node that asks for words after N has stored those up to N."""
    rows = session.scalars(
        select(Reminder)
        .where(Reminder.agency == agency, Reminder.word <= after, Reminder.fetched_at.is_(None))
        .limit(100)
    ).all()
    for row in rows:
        row.fetched_at = now
    return bool(rows)


# --- at the agency ----------------------------------------------------------------------------------------------------


def hear(session: Session, node: Runtime, word: answers.Word) -> None:
    if session.get(Reminded, word.id) is not None:
        return
    now, agency = node.clock.now(), node.node.agency
    session.add(Reminded(id=word.id, ref=word.item_id[:128], agency=agency, at=word.time, heard_at=now,
                         text=word.text[:TEXT], by=word.by[: answers.NAME]))  # fmt: skip
    session.flush()
    kept = select(Reminded.id).order_by(Reminded.id.desc()).limit(KEPT)
    session.execute(delete(Reminded).where(Reminded.id.not_in(kept)))
    tell(session, key=f"reminder/{word.id}", kind="national", agency=agency, ref=word.item_id[:128], level="high",
         title={"vi": f"Nhắc nhở từ cấp trên {word.item_id[:24]}", "en": f"Reminder from above {word.item_id[:24]}"},
         link="#/reminders", now=now)  # fmt: skip
    changed(session, node.bell, "national", str(word.id), agency=agency, revision=1, now=now, created=True)
