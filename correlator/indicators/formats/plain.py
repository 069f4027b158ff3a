"""A list: one value a line, or several apart by spaces; what mail, an annex to a letter, a text feed look like.

    203.0.113.7
    hxxp://evil[.]example/a        # a comment
    ja3: e7d705a3286e19ea42f587b344ee6865
    0.0.0.0 evil.example           a hosts file: the name alone
Lines that begin with # ; or // are comments. A line of prose is told as such, not searched for values.
"""

from __future__ import annotations

import re

from correlator.indicators.formats._read import kind_of, take, text_of
from correlator.indicators.kinds import guess
from correlator.indicators.seam import VALUE_LIMIT, Format, Given, Reading

_LABELLED = re.compile(r"([A-Za-z0-9_\-]{2,20})\s*[:=]\s+(\S+)\Z|([A-Za-z0-9_\-]{2,20})[:=](\S+)\Z")
_HOSTS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)\Z")
_COMMENT = re.compile(r"\s+(?:#|//|;).*\Z")


def read(data: bytes) -> Reading:
    reading = Reading()
    for number, raw in enumerate(text_of(data).splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith(("#", ";", "//")):
            continue
        line = _COMMENT.sub("", line).strip().rstrip(",")
        if len(line) > 4 * VALUE_LIMIT:
            reading.put_aside(number, line, "Dòng quá dài.", "The line is too long.")
            continue
        if not all(take(reading, given) for given in _line(line, number, reading)):
            break
    return reading


def _line(line: str, number: int, reading: Reading) -> list[Given]:
    if hosts := _HOSTS.match(line):
        return [Given(hosts[1], "domain", number)]
    if labelled := _LABELLED.match(line):
        word, value = (labelled[1], labelled[2]) if labelled[1] else (labelled[3], labelled[4])
        kind = kind_of(word)
        if kind is not None:
            return [Given(value, "" if kind == "hash" else kind, number)]
    words = [word for word in re.split(r"[\s,;|\t]+", line) if word]
    if len(words) == 1:
        return [Given(words[0], "", number)]
    found = [word for word in words if guess(word)]
    if len(found) == len(words):
        return [Given(word, "", number) for word in words]
    why = ("Không phải danh sách giá trị.", "Not a list of values.")
    if len(found) == 1 and len(words) == 2:  # a value with a word beside it: most feeds' own remark
        return [Given(found[0], "", number, note=next(word for word in words if word != found[0])[:200])]
    reading.put_aside(number, line, *why)
    return []


FORMAT = Format(
    name="list",
    title={"vi": "Danh sách, mỗi dòng một giá trị", "en": "A list, one value a line"},
    looks=lambda head: True,
    read=read,
)
