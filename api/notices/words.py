"""What a notice says, in both languages: an id, a level, an agency, a link. The title where it may go; never more.

In:  the notice's first matter and count. Out: `Message`. A title is cut to a line and its control characters are shown
as spaces: it may hold words of a stranger. Nothing here reads an indicator, an entity or a reason.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from api.notices.channels import Message
from api.notices.hours import day_of, minute_of
from api.state.notices import Matter, Notice

MAIL_ADDRESS = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9-]{0,62}[A-Za-z0-9]$"
)
TITLE = 160
Language = Literal["vi", "en"]

LEVELS: dict[Language, dict[str, str]] = {
    "vi": {"critical": "nghiêm trọng", "high": "cao", "medium": "trung bình", "low": "thấp",
           "informational": "thông tin"},
    "en": {"critical": "critical", "high": "high", "medium": "medium", "low": "low",
           "informational": "informational"},
}  # fmt: skip
KINDS: dict[Language, dict[str, str]] = {
    "vi": {"alert": "Cảnh báo", "incident": "Sự cố", "clock": "Thời hạn", "service": "Dịch vụ", "sensor": "Cảm biến",
           "system": "Hệ thống giám sát", "national": "Toàn quốc", "exception": "Ngoại lệ",
           "account": "Tài khoản", "test": "Gửi thử"},
    "en": {"alert": "Alert", "incident": "Incident", "clock": "Deadline", "service": "Service", "sensor": "Sensor",
           "system": "Monitoring system", "national": "National", "exception": "Exception",
           "account": "Account", "test": "Test"},
}  # fmt: skip
MANY: dict[Language, str] = {"vi": "{count} thông báo mới, mức cao nhất: {level}",
                             "en": "{count} new notices, highest level: {level}"}  # fmt: skip
EXERCISE: dict[Language, str] = {"vi": "DIỄN TẬP", "en": "EXERCISE"}
OVER: dict[Language, str] = {"vi": "đã kết thúc", "en": "over"}


def compose(
    notice: Notice, first: Matter, *, uid: str, agency_name: str, language: Language, titles: bool, base: str,
    exercise: bool, why: str = "", to: str = "",
) -> Message:  # fmt: skip
    level = LEVELS[language][notice.level]
    if notice.count > 1:
        what = MANY[language].format(count=notice.count, level=level)
    else:
        what = f"{KINDS[language].get(first.kind, first.kind)} {line(first.ref, 64)}".strip()
        what += f" – {'mức' if language == 'vi' else 'level'} {level}"
    if notice.over:
        what += f" ({OVER[language]})"
    title = line(first.title.get(language) or first.title.get("vi") or "", TITLE) if may_title(first, titles) else None
    mark = f"[{EXERCISE[language]}] " if exercise else ""
    agency = line(agency_name, 128)
    link = link_of(notice, first, base)
    subject = f"{mark}[Lũy Tre] {what} – {agency}"
    moment = moment_of(first.at)
    rows = [mark + what, *([title] if title and notice.count == 1 else []), _WHY[language].get(why, ""),
            f"{_ROWS[language][0]}: {agency}", f"{_ROWS[language][1]}: {moment} (+07:00)",
            f"{_ROWS[language][2]}: {link}" if link else _ROWS[language][3]]  # fmt: skip
    return Message(
        uid=uid, at=first.at, level=notice.level, agency=agency, agency_code=notice.agency, kind=first.kind,
        ref=line(first.ref, 128) if notice.count == 1 else "", count=notice.count,
        title=title if notice.count == 1 else None, link=link, language=language, subject=subject,
        text="\n".join(row for row in rows if row) + "\n", exercise=exercise, over=notice.over,
        test=first.kind == "test", to=to,
    )  # fmt: skip


_ROWS: dict[Language, tuple[str, str, str, str]] = {
    "vi": ("Đơn vị", "Lúc", "Xem", "Xem trên màn hình trực của nút"),
    "en": ("Agency", "At", "Open", "See the on-call page of the node"),
}
_WHY: dict[Language, dict[str, str]] = {
    "vi": {"next": "Chưa có người tiếp nhận; chuyển tới người kế tiếp.",
           "lead": "Chưa có người tiếp nhận; chuyển tới phụ trách ca trực.",
           "gap": "Lịch trực đang trống; chuyển tới phụ trách ca trực.",
           "passed": "Được chuyển từ người trực khác."},
    "en": {"next": "Nobody has taken it; passed to the next in line.",
           "lead": "Nobody has taken it; passed to the team's lead.",
           "gap": "Nobody is on duty; passed to the team's lead.",
           "passed": "Handed on by another person on duty."},
}  # fmt: skip


def moment_of(at: float) -> str:
    year, month, day = day_of(at).split("-")
    return f"{day}/{month}/{year} {minute_of(at) // 60:02d}:{minute_of(at) % 60:02d}"


def may_title(first: Matter, titles: bool) -> bool:
    return titles and not first.marked


def link_of(notice: Notice, first: Matter, base: str) -> str:
    """Where to read on; without the node's public address, nothing that could be followed."""
    if not base:
        return ""
    there = "#/oncall" if notice.count > 1 or not first.link.startswith("#/") else first.link
    return f"{base.rstrip('/')}/{there}"


def line(text: str, limit: int) -> str:
    """One line: no control, format or separator characters."""
    plain = "".join(" " if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029" else char for char in text)
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFC", plain)).strip()
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
