"""What an analyst reads and does about an alert of an indicator: description and steps, in both languages.

Out: `guides()`, by the rule id of the kind: contact with something outside, or a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from correlator.indicators.kinds import all_kinds


@dataclass(frozen=True, slots=True)
class Guide:
    description: Mapping[str, str]
    steps: Mapping[str, Sequence[str]]


_CONTACT = Guide(
    {"vi": "Một máy đã liên lạc với giá trị mà một nguồn chỉ dấu cho là độc hại. Chỉ dấu có thể đã cũ hoặc thuộc "
           "dịch vụ dùng chung: cần xem nguồn, ngày và máy nào khác cũng liên lạc.",
     "en": "A machine was in contact with a value that a source of indicators holds to be bad. It may be old, or "
           "belong to a shared service: look at the source, its date, and who else was in contact."},
    {"vi": ("Xem nguồn chỉ dấu, mức chia sẻ (TLP), ghi chú và hạn của nó.",
            "Xác định máy và người dùng; xem tiến trình nào tạo kết nối.",
            "Tìm máy khác đã gặp cùng chỉ dấu (màn hình Chỉ dấu, Rà soát ngược).",
            "Nếu máy ta chủ động liên lạc ra ngoài: cách ly máy khỏi mạng, giữ nguyên hiện trạng, mở sự cố.",
            "Nếu chỉ là dò quét từ ngoài vào và không có trả lời: đóng với lý do, không cần cách ly."),
     "en": ("Look at the indicator's source, its marking (TLP), note and end.",
            "Find the machine and its user, and the process that made the contact.",
            "Look for other machines that met the same indicator (Indicators, Sweep).",
            "If our machine called out: isolate it from the network, keep it as it is, open an incident.",
            "If it was only probed from outside and nothing answered: close with the reason.")},
)  # fmt: skip
_FILE = Guide(
    {"vi": "Một tệp có mã băm nằm trong danh sách chỉ dấu đã xuất hiện trên máy hoặc đường truyền.",
     "en": "A file whose hash is an indicator was seen on a machine or on the wire."},
    {"vi": ("Xem nguồn chỉ dấu và tên mã độc trong ghi chú.",
            "Xác định tệp nằm ở đâu, do ai và tiến trình nào tạo, đã chạy hay chưa.",
            "Tìm cùng mã băm trên các máy khác (màn hình Chỉ dấu, Rà soát ngược).",
            "Nếu tệp đã chạy: cách ly máy, lưu lại tệp và bộ nhớ, mở sự cố.",
            "Nếu chưa chạy: cách ly tệp, tìm đường vào (thư, tải về, thiết bị gắn ngoài)."),
     "en": ("Look at the indicator's source, and at the malware's name in its note.",
            "Find where the file lies, who and which process made it, whether it has run.",
            "Look for the same hash on other machines (Indicators, Sweep).",
            "If it has run: isolate the machine, keep file and memory, open an incident.",
            "If not: put the file aside and find its way in (mail, download, removable device).")},
)  # fmt: skip


def guides() -> dict[str, Guide]:
    """Rule id → guide."""
    return {kind.rule_id: _FILE if "attack.execution" in kind.tags else _CONTACT for kind in all_kinds().values()}
