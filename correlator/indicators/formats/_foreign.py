"""What is no list of any format though somebody chose it: a web page, an office document, an archive, a picture.

In:  a file's first bytes. Out: (Vietnamese, English) of what it is and what to do, or None. Said once: as a list, a
page saved by mistake would be a thousand lines that are each not recognised.
Source: the formats' own signatures (https://www.garykessler.net/library/file_sigs.html; HTML standard, 8.1).
"""

from __future__ import annotations

import re

_SAVE = (
    "hãy lưu lại thành CSV UTF-8, hoặc sao chép bảng rồi dán.",
    "save it as CSV UTF-8, or copy its table and paste that.",
)
_SIGNATURES = (
    (b"PK\x03\x04", ("Tệp Word, Excel hoặc tệp nén: " + _SAVE[0], "A Word, Excel or ZIP file: " + _SAVE[1])),
    (b"\xd0\xcf\x11\xe0", ("Tệp Word, Excel kiểu cũ: " + _SAVE[0], "An old Word or Excel file: " + _SAVE[1])),
    (b"%PDF-", ("Tệp PDF: " + _SAVE[0], "A PDF file: " + _SAVE[1])),
    (b"\x1f\x8b", ("Tệp nén gzip: giải nén trước.", "A gzip file: unpack it first.")),
    (b"7z\xbc\xaf", ("Tệp nén 7z: giải nén trước.", "A 7z file: unpack it first.")),
    (b"Rar!", ("Tệp nén RAR: giải nén trước.", "A RAR file: unpack it first.")),
    (b"\x89PNG", ("Tệp ảnh: cần danh sách dạng chữ.", "A picture: a list as text is needed.")),
    (b"\xff\xd8\xff", ("Tệp ảnh: cần danh sách dạng chữ.", "A picture: a list as text is needed.")),
)  # fmt: skip
_BEFORE = rb"\s*+(?:<\?xml[^>]*+>\s*+)?+(?:(?><!--.*?-->)\s*+)*+"  # atomic: nothing is tried twice
_PAGE = re.compile(_BEFORE + rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
HEAD_BYTES = 4096


def foreign(data: bytes) -> tuple[str, str] | None:
    head = data[:HEAD_BYTES]
    for signature, said in _SIGNATURES:
        if head.startswith(signature):
            return said
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return ("Trang web (HTML), không phải danh sách: tải tệp gốc, hoặc sao chép bảng rồi dán.",
                "A web page (HTML), not a list: download the file itself, or copy its table and paste it.")  # fmt: skip
    return None
