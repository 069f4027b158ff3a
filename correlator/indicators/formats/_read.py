"""What formats share: text of bytes, a JSON document within bounds, words for kinds, times, TLP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from correlator.indicators.seam import GIVEN_LIMIT, NOTE_LIMIT, Given, Reading, Tlp
from sensors.clock import parse_rfc3339

# What files call the kinds: ours, STIX's, MISP's, those of common feeds.
KINDS = {
    "ip": "ip", "ipv4": "ip", "ipv6": "ip", "ipv4-addr": "ip", "ipv6-addr": "ip", "ip-src": "ip", "ip-dst": "ip",
    "ip_address": "ip", "address": "ip", "địa chỉ": "ip",
    "địa chỉ ip": "ip",
    "network": "network", "cidr": "network", "netblock": "network", "dải địa chỉ": "network",
    "domain": "domain", "domain-name": "domain", "hostname": "domain", "fqdn": "domain", "host": "domain",
    "tên miền": "domain",
    "url": "url", "uri": "url", "link": "url", "đường dẫn": "url", "đường dẫn url": "url", "liên kết": "url",
    "md5": "md5", "sha1": "sha1", "sha-1": "sha1", "sha256": "sha256", "sha-256": "sha256", "sha512": "sha512",
    "sha-512": "sha512", "hash": "hash", "filehash": "hash", "mã băm": "hash",
    "filehash-md5": "md5", "filehash-sha1": "sha1", "filehash-sha256": "sha256",
    "ja3": "ja3", "ja3-fingerprint-md5": "ja3", "ja3s": "ja3s", "ja4": "ja4",
}  # fmt: skip
_TLPS: dict[str, Tlp] = {"clear": "clear", "white": "clear", "green": "green", "amber": "amber",
                         "amber+strict": "amber+strict", "red": "red"}  # fmt: skip


def text_of(data: bytes) -> str:
    """UTF-8 with or without its mark, UTF-16 too (spreadsheets' "Unicode text"; without its mark by the zeros that a
    list's Latin letters have there); else shown as �."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in (head := data[:512]):
        for order, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
            if zeros.count(0) > len(zeros) // 2:
                return data.decode(order, "replace")
    return data.decode("utf-8-sig", "replace")


def document(data: bytes, reading: Reading) -> Any:
    """The JSON value, or None with the reason in `reading`; depth is bounded by the decoder."""
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reading.put_aside(0, "", f"Không phải JSON hợp lệ: {error}", f"Not valid JSON: {error}")
        reading.stopped = reading.passed[-1]
        return None


def take(reading: Reading, given: Given) -> bool:
    """False when the file holds more than is read; said once."""
    if len(reading.given) >= GIVEN_LIMIT:
        if reading.stopped is None:
            reading.put_aside(given.line, given.value, f"Quá {GIVEN_LIMIT} chỉ dấu: từ đây không đọc nữa.",
                              f"More than {GIVEN_LIMIT} indicators: nothing is read from here on.")  # fmt: skip
            reading.stopped = reading.passed[-1] if reading.passed else None
        return False
    reading.given.append(given)
    return True


def kind_of(word: object) -> str | None:
    return KINDS.get(str(word or "").strip().lower())


def tlp_of(word: object) -> Tlp | None:
    text = str(word or "").strip().lower().removeprefix("tlp:").removeprefix("tlp-").strip().replace("_", "+")
    return _TLPS.get(text)


def confidence_of(value: object) -> int | None:
    try:
        number = float(str(value).strip().rstrip("%"))
    except ValueError:
        return None
    return round(number) if 0 <= number <= 100 else None


def time_of(value: object) -> float | None:
    """RFC 3339, a plain day (until its end in UTC), or epoch seconds."""
    text = str(value if value is not None else "").strip()
    if text.isascii() and text.isdigit() and len(text) in (9, 10):
        return float(text)
    if len(text) == 10:
        text += "T23:59:59Z"
    elif len(text) == 19 and text[10] == " ":
        text = text.replace(" ", "T") + "Z"
    return parse_rfc3339(text)


def note_of(*parts: object) -> str:
    return " · ".join(str(part).strip() for part in parts if part)[:NOTE_LIMIT]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list, of one object; whatever else is left out."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield one
