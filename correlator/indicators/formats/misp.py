"""MISP's JSON: an event, a list of events, `{"response": …}` of its REST interface, a feed's file.

Attributes of events and of objects in events. `to_ids: false` means "context, not to be matched": passed over and told.
Composite types (`domain|ip`, `filename|sha256`, `ip-dst|port`) give each half that is a kind of ours; the other half
is a note. TLP and confidence by the attribute's tags, else the event's (`tlp:amber`, `admiralty-scale` is not used).
Source: https://www.misp-standard.org/rfc/misp-standard-core.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from correlator.indicators.formats._read import document, kind_of, note_of, objects, take, tlp_of
from correlator.indicators.seam import VALUE_LIMIT, Format, Given, Reading, Tlp


def read(data: bytes) -> Reading:
    reading = Reading()
    whole = document(data, reading)
    if reading.stopped:
        return reading
    number = 0
    events = 0
    for event in _events(whole):
        events += 1
        about = note_of(event.get("info"))
        marking = _tlp(event)
        for attribute in _attributes(event):
            number += 1
            if not _take(reading, attribute, number, about, marking):
                return reading
    if not events:
        reading.put_aside(0, "", "Không thấy sự kiện MISP nào trong tệp.", "No MISP event in this file.")
        reading.stopped = reading.passed[-1]
    return reading


def _events(whole: Any) -> Iterator[dict[str, Any]]:
    if isinstance(whole, dict) and "response" in whole:
        whole = whole["response"]
    for one in objects(whole):
        inner = one.get("Event", one)
        if isinstance(inner, dict) and ("Attribute" in inner or "Object" in inner):
            yield inner


def _attributes(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from objects(event.get("Attribute") or [])
    for made in objects(event.get("Object") or []):
        yield from objects(made.get("Attribute") or [])


def _take(reading: Reading, attribute: dict[str, Any], number: int, about: str, marking: Tlp | None) -> bool:
    word, value = str(attribute.get("type") or ""), str(attribute.get("value") or "").strip()
    if attribute.get("deleted") is True:
        return True
    if attribute.get("to_ids") is False:
        reading.put_aside(number, value, "Chỉ là ngữ cảnh (to_ids = false).", "Context only (to_ids is false).")
        return True
    if not value or len(value) > 2 * VALUE_LIMIT:
        reading.put_aside(number, value, "Giá trị trống hoặc quá dài.", "The value is empty or too long.")
        return True
    words, values = word.split("|"), value.split("|")
    taken = False
    for at, part in enumerate(words):
        kind = kind_of(part)
        if kind is None or len(values) != len(words):
            continue
        others = [text for index, text in enumerate(values) if index != at]
        note = note_of(about, attribute.get("comment"), *others)
        taken = True
        if not take(reading, Given(values[at], kind, number, note, None, _tlp(attribute) or marking)):
            return False
    if not taken:
        reading.put_aside(number, value, f"Loại “{word[:40]}” chưa hỗ trợ.", f"Type “{word[:40]}” is not supported.")
    return True


def _tlp(holder: dict[str, Any]) -> Tlp | None:
    for tag in objects(holder.get("Tag") or []):
        name = str(tag.get("name") or "")
        if name.lower().startswith("tlp:") and (found := tlp_of(name)):
            return found
    return None


def looks(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    return start.startswith((b"{", b"[")) and (b'"Attribute"' in head or b'"to_ids"' in head or b'"Event"' in head)


FORMAT = Format(name="misp", title={"vi": "Tệp xuất của MISP", "en": "MISP export"}, looks=looks, read=read)
