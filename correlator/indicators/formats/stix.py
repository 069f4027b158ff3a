"""STIX 2.1 (and 2.0): a bundle, a list of objects, or one; `indicator` objects with `pattern_type: stix`.

Of a pattern, each comparison `[type:path = 'value']` of a kind of ours gives an indicator when the pattern is a plain
choice: comparisons joined by OR inside brackets, brackets joined by OR. What says more (AND, FOLLOWEDBY, NOT, LIKE,
WITHIN, a kind we lack) is told with its pattern: half of an AND would match what its author didn't mean. One exception,
because everybody writes it: hashes of one file joined by AND stand for the same file, so each is taken.
`revoked` objects and other object types are told by their number. TLP by the marking's id (fixed by the specification)
or its definition in the bundle; `valid_until`, `confidence`, `name` are taken over.
Source: https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html sections 4.7, 7.2, 9. Bound: PATTERN_LIMIT.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from correlator.indicators.formats._read import confidence_of, document, note_of, objects, take, time_of, tlp_of
from correlator.indicators.seam import Format, Given, Reading, Tlp

PATTERN_LIMIT = 20_000
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<op>!=|<=|>=|[=<>\[\](),])|"
    r"(?P<word>[^\s'=<>!\[\](),]+(?:'[^']*'[^\s'=<>!\[\](),]*)*))"
)
_PATHS = {
    "ipv4-addr:value": "ip", "ipv6-addr:value": "ip", "domain-name:value": "domain", "url:value": "url",
    "network-traffic:dst_ref.value": "ip", "network-traffic:src_ref.value": "ip",
}  # fmt: skip
_HASH = re.compile(
    r"(?:file|artifact|x509-certificate|process:image_ref|process:binary_ref|file:content_ref)"
    r"[:.]hashes\.(?P<name>.+)\Z", re.IGNORECASE,
)  # fmt: skip
_HASHES = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}
# Section 7.2.1.4 of 2.1 (TLP 1) and the OASIS extension of TLP 2.0.
_MARKINGS: dict[str, Tlp] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
_STRICTEST: tuple[Tlp, ...] = ("clear", "green", "amber", "amber+strict", "red")


class _Unreadable(ValueError):
    """A pattern that says more than a list of values, in words of both languages."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi, self.en = vi, en


def read(data: bytes) -> Reading:
    reading = Reading()
    whole = document(data, reading)
    if reading.stopped:
        return reading
    found = list(objects(whole.get("objects", whole) if isinstance(whole, dict) else whole))
    if not any(isinstance(one.get("type"), str) for one in found):
        reading.put_aside(0, "", "Không phải STIX, cũng không phải MISP.", "Neither STIX nor MISP.")
        reading.stopped = reading.passed[-1]
        return reading
    markings = dict(_MARKINGS)
    for one in found:
        if one.get("type") == "marking-definition" and one.get("definition_type") == "tlp":
            definition = one.get("definition")
            tlp = tlp_of(definition.get("tlp")) if isinstance(definition, dict) else None
            if tlp:
                markings[str(one.get("id"))] = tlp
    others: Counter[str] = Counter()
    for number, one in enumerate(found, 1):
        if one.get("type") != "indicator":
            others[str(one.get("type"))[:40]] += 1
        elif not _indicator(reading, one, number, markings):
            return reading
    for kind, count in sorted(others.items()):
        reading.put_aside(0, kind, f"{count} đối tượng không phải chỉ dấu.", f"{count} objects that are no indicators.")
    return reading


def _indicator(reading: Reading, one: dict[str, Any], number: int, markings: dict[str, Tlp]) -> bool:
    pattern = str(one.get("pattern") or "")
    if one.get("revoked") is True:
        reading.put_aside(number, pattern, "Đã bị nguồn thu hồi.", "Revoked by its author.")
        return True
    if one.get("pattern_type", "stix") != "stix":
        kind = str(one.get("pattern_type"))[:40]
        why = (f"Mẫu kiểu “{kind}” chưa hỗ trợ.", f"Pattern type “{kind}” is not supported.")
        reading.put_aside(number, pattern, *why)
        return True
    refs = one.get("object_marking_refs")
    levels = [markings[str(ref)] for ref in refs if str(ref) in markings] if isinstance(refs, list) else []
    tlp = max(levels, key=_STRICTEST.index, default=None)
    confidence = confidence_of(one["confidence"]) if "confidence" in one else None
    expires = time_of(one["valid_until"]) if one.get("valid_until") else None
    try:
        values = values_of(pattern)
    except _Unreadable as why:
        reading.put_aside(number, pattern, why.vi, why.en)
        return True
    note = note_of(one.get("name"))
    return all(take(reading, Given(value, kind, number, note, confidence, tlp, expires)) for kind, value in values)


def values_of(pattern: str) -> list[tuple[str, str]]:
    """(kind, value) of each comparison; raises `_Unreadable`."""
    if not pattern or len(pattern) > PATTERN_LIMIT:
        raise _Unreadable("Mẫu trống hoặc quá dài.", "The pattern is empty or too long.")
    tokens = _tokens(pattern)
    found: list[tuple[str, str]] = []
    inside, joined, of_one_bracket = False, "", 0
    at = 0
    while at < len(tokens):
        word = tokens[at]
        upper = word.upper()
        if word in "()":
            pass
        elif word == "[":
            inside, joined, of_one_bracket = True, "", len(found)
        elif word == "]":
            if joined == "AND" and not all(kind in _HASHES.values() for kind, _ in found[of_one_bracket:]):
                raise _Unreadable("Mẫu có AND: không phải một danh sách.", "It says AND: not a list of values.")
            inside = False
        elif upper == "OR" or (upper == "AND" and inside):
            joined = "AND" if upper == "AND" or joined == "AND" else "OR"
        elif inside and at + 2 < len(tokens) and tokens[at + 1] in ("=", "IN"):
            at = _comparison(tokens, at, found)
        else:
            said = word[:40]
            raise _Unreadable(f"Mẫu có “{said}”: không phải một danh sách giá trị.",
                              f"It says “{said}”: no list of values.")  # fmt: skip
        at += 1
    if inside or not found:
        raise _Unreadable("Mẫu viết dở.", "The pattern is not complete.")
    return found


def _comparison(tokens: list[str], at: int, found: list[tuple[str, str]]) -> int:
    """Takes `path = 'text'` or `path IN ('a', 'b')`; returns where it ends."""
    path = tokens[at]
    kind = _kind(path)
    if kind is None:
        raise _Unreadable(f"“{path[:60]}” chưa hỗ trợ.", f"“{path[:60]}” is not supported.")
    if tokens[at + 1] == "=":
        found.append((kind, _text(tokens[at + 2])))
        return at + 2
    end = at + 2
    if tokens[end] != "(":
        raise _Unreadable("Mẫu viết dở.", "The pattern is not complete.")
    end += 1
    while end < len(tokens) and tokens[end] != ")":
        found.append((kind, _text(tokens[end])))
        end += 1
    if end >= len(tokens):
        raise _Unreadable("Mẫu viết dở.", "The pattern is not complete.")
    return end


def _kind(path: str) -> str | None:
    known = _PATHS.get(path)
    if known:
        return known
    found = _HASH.match(path)
    return _HASHES.get(found["name"].strip("'\"").replace("-", "").lower()) if found else None


def _text(word: str) -> str:
    if len(word) < 2 or not word.startswith("'"):
        raise _Unreadable("Giá trị không phải chuỗi.", "A value is not text.")
    return re.sub(r"\\(.)", r"\1", word[1:-1])


def _tokens(pattern: str) -> list[str]:
    found, at = [], 0
    while at < len(pattern):
        word = _TOKEN.match(pattern, at)
        if word is None or word.end() == at:
            if not pattern[at:].strip():
                break
            raise _Unreadable("Mẫu không đọc được.", "The pattern cannot be read.")
        found.append(word[0].strip())
        at = word.end()
    return [word for word in found if word != ","]


def looks(head: bytes) -> bool:
    """Any JSON that comes here: MISP's files have been asked before."""
    return re.match(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*[\[{\"])", head) is not None


FORMAT = Format(name="stix", title={"vi": "STIX 2.1", "en": "STIX 2.1"}, looks=looks, read=read)
