"""Words of official documents: times as officials write them, strangers' text made inert, lists with an end.

Nghị định 30/2020/NĐ-CP, Phụ lục I: days under 10 and months 1 and 2 carry a leading zero. Times are Vietnam's official
time; the offset is said once in each document.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from api.clocks.reckon import HANOI

TEXT = 4_000  # characters of one text in a document
ROWS = 200  # rows of one table

# What would change how the line reads, or is no character of XML: shown by its number instead of taking effect.
_HIDDEN = {0xAD, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)}


def inert(text: object, limit: int = TEXT) -> str:
    """Text as text: NFC, one kind of line end, controls and bidi marks shown as [U+202E], bounded."""
    source = unicodedata.normalize("NFC", str(text)[: limit + 1])
    return harmless(source[:limit]).strip() + (" (…)" if len(source) > limit else "")


def harmless(text: str) -> str:
    """The same without a bound: doing it twice changes nothing, so the model does it to every text once more."""
    return "".join(
        char if char == "\n" else " " if char == "\t" else f"[U+{ord(char):04X}]" if _takes_effect(char) else char
        for char in text.replace("\r\n", "\n").replace("\r", "\n")
    )


def _takes_effect(char: str) -> bool:
    return ord(char) in _HIDDEN or unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp")


def line(text: object, limit: int = 512) -> str:
    return " ".join(inert(text, limit).split())


def local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(HANOI)


def day(at: float) -> str:
    when = local(at)
    return f"ngày {when.day:02d} tháng {month(when.month)} năm {when.year}"


def month(number: int) -> str:
    return f"{number:02d}" if number < 3 else str(number)


def moment(at: float) -> str:
    when = local(at)
    return f"{when.hour:02d} giờ {when.minute:02d} phút {day(at)}"


def short(at: float) -> str:
    """For tables: 22/11/2026 09:05:07 +07:00."""
    return local(at).strftime("%d/%m/%Y %H:%M:%S +07:00")


LEVEL = {"critical": "Nghiêm trọng", "high": "Cao", "medium": "Trung bình", "low": "Thấp", "informational": "Thông tin"}
STATE = {"open": "Mới mở", "investigating": "Đang xác minh", "contained": "Đã ngăn chặn", "resolved": "Đã khắc phục",
         "closed": "Đã đóng"}  # fmt: skip
FLAG = {
    "serious": "sự cố nghiêm trọng", "harm": "có dấu hiệu xâm hại an ninh quốc gia, trật tự an toàn xã hội",
    "interrupted": "dịch vụ bị gián đoạn nghiêm trọng", "personal_data": "có dữ liệu cá nhân bị ảnh hưởng",
    "complex": "sự cố phức tạp",
}  # fmt: skip
ACT = {
    "created": "Mở hồ sơ sự cố", "linked": "Gắn thêm cảnh báo", "moved": "Chuyển trạng thái", "closed": "Đóng sự cố",
    "reopened": "Mở lại sự cố", "noted": "Ghi chú", "raised": "Báo cáo lên cấp trên qua hệ thống",
    "assessed": "Đánh giá sự cố", "described": "Bổ sung thông tin hồ sơ", "document": "Lập văn bản",
    "handed": "Gửi văn bản", "clock_met": "Hoàn thành thời hạn báo cáo",
    "clock_void": "Xác định thời hạn không áp dụng", "clock_resumed": "Khôi phục thời hạn",
}  # fmt: skip
