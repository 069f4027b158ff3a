"""CSV or TSV with a heading: a column of values, and where they are there, kind, note, confidence, TLP, end.

The separator is the one of `, ; TAB |` that the heading has most of. Columns of MISP's and OpenCTI's own CSV exports,
of abuse.ch's feeds, and Vietnamese headings are known; columns with other names become part of nothing and are named
once in what was passed over. Source: RFC 4180.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from unicodedata import normalize

from correlator.indicators.formats._read import confidence_of, kind_of, note_of, take, text_of, time_of, tlp_of
from correlator.indicators.seam import VALUE_LIMIT, Format, Given, Reading

_COLUMNS = {
    "value": ("value", "indicator", "ioc", "ioc_value", "observable", "giá trị", "chỉ dấu", "dấu hiệu",
              "chỉ dấu tấn công", "ip", "địa chỉ ip", "ip address", "tên miền", "đường dẫn", "url độc hại", "mã băm",
              "domain", "url", "hash", "md5", "sha1", "sha256", "ja3", "ja4", "network", "dst_ip", "md5_hash",
              "sha256_hash", "ja3_md5"),
    "kind": ("type", "kind", "ioc_type", "indicator_type", "loại"),
    "note": ("comment", "note", "description", "malware", "malware_printable", "threat", "listingreason", "ghi chú",
             "mô tả", "mô tả chi tiết", "nội dung"),
    "confidence": ("confidence", "confidence_level", "độ tin cậy"),
    "tlp": ("tlp", "marking", "mức chia sẻ"),
    "expires": ("expires", "valid_until", "expiration", "hết hạn",
                "ngày hết hạn", "hiệu lực đến"),
}  # fmt: skip
_OWN_KIND = {"ip": "ip", "địa chỉ ip": "ip", "ip address": "ip", "tên miền": "domain", "đường dẫn": "url",
             "url độc hại": "url", "dst_ip": "ip", "domain": "domain", "url": "url", "md5": "md5", "md5_hash": "md5",
             "sha1": "sha1", "sha256": "sha256", "sha256_hash": "sha256", "ja3": "ja3", "ja3_md5": "ja3", "ja4": "ja4",
             "network": "network"}  # fmt: skip
_NUMBERS = ("stt", "số tt", "tt", "no", "no.", "#", "")  # of the rows: nobody misses them
_SEPARATORS = ",;\t|"


def heading(text: str) -> tuple[int, str, list[str]] | None:
    """(line, separator, names in lower case) of the first line that names a column of values; comments may stand before
    it, or before its names, as in abuse.ch's files."""
    for number, line in enumerate(text.splitlines()[:50], 1):
        bare = line.lstrip("# ").strip()
        separator = max(_SEPARATORS, key=bare.count)
        names = [normalize("NFC", name.strip().strip('"').lower()) for name in bare.split(separator)]
        if len(names) > 1 and any(name in _COLUMNS["value"] for name in names):
            return number, separator, names
    return None


def read(data: bytes) -> Reading:
    reading = Reading()
    text = text_of(data)
    found = heading(text)
    if found is None:
        reading.put_aside(
            1, text[:200], "Không có dòng tiêu đề với cột giá trị.", "No heading with a column of values."
        )
        reading.stopped = reading.passed[0]
        return reading
    start, separator, names = found
    places = {of: next((names.index(word) for word in words if word in names), None) for of, words in _COLUMNS.items()}
    value_at = places["value"]
    assert value_at is not None
    kind = _OWN_KIND.get(names[value_at], "")
    unused = [name for at, name in enumerate(names) if at not in places.values() and name not in _NUMBERS]
    if unused:
        listed = ", ".join(unused)[:200]
        reading.put_aside(start, listed, "Các cột không dùng đến.", "Columns that are not used.")
    body = io.StringIO("\n".join(text.splitlines()[start:]), newline="")
    rows = csv.reader(body, delimiter=separator, skipinitialspace=True)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return reading
        except csv.Error as error:
            reading.put_aside(start + rows.line_num, "", f"Dòng không đọc được: {error}", f"Unreadable: {error}")
            continue
        if row and not row[0].startswith("#") and not _row(row, start + rows.line_num, places, kind, reading):
            return reading


def _row(row: Sequence[str], line: int, places: dict[str, int | None], kind: str, reading: Reading) -> bool:
    def cell(of: str) -> str:
        at = places[of]
        return row[at].strip() if at is not None and at < len(row) else ""

    value = cell("value")
    if not value or len(value) > 2 * VALUE_LIMIT:
        why = ("Không có giá trị.", "No value.") if not value else ("Giá trị quá dài.", "The value is too long.")
        reading.put_aside(line, value, *why)
        return True
    word = cell("kind")
    known = kind_of(word.partition("|")[0]) if word else kind
    if word and known is None:
        if word.lower() in ("ip:port", "socket"):
            known, value = "ip", value.rpartition(":")[0]
        else:
            reading.put_aside(line, value, f"Loại “{word[:40]}” chưa hỗ trợ.", f"Kind “{word[:40]}” is not supported.")
            return True
    return take(reading, Given(
        value, "" if known in (None, "hash") else str(known), line, note_of(cell("note")),
        confidence_of(cell("confidence")), tlp_of(cell("tlp")), time_of(cell("expires")) if cell("expires") else None,
    ))  # fmt: skip


def looks(head: bytes) -> bool:
    return not head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"[")) and heading(text_of(head)) is not None


FORMAT = Format(name="csv", title={"vi": "Bảng CSV", "en": "CSV"}, looks=looks, read=read)
