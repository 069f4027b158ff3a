"""Formats of indicator files: one file each, found by the registry (`FORMAT`). `read(data)` tells them apart."""

from __future__ import annotations

import sys
from functools import cache

from correlator.indicators.formats._foreign import foreign
from correlator.indicators.seam import Format, Reading
from sensors.registry import find

FILE_LIMIT_BYTES = 256 * 1024 * 1024
HEAD_BYTES = 64 * 1024


@cache
def all_formats() -> dict[str, Format]:
    return {found.name: found for found in find(sys.modules[__name__], "FORMAT", Format).values()}


def format_of(data: bytes) -> Format:
    """By what the file begins with; a list of values is what is left."""
    head = data[:HEAD_BYTES]
    others = (one for name, one in all_formats().items() if name != "list")
    return next((one for one in others if one.looks(head)), all_formats()["list"])


def read(data: bytes, name: str = "") -> tuple[Format, Reading]:
    """Never raises for what is in the file. `name`: a format that somebody chose; KeyError when there is none."""
    chosen = all_formats()[name] if name else format_of(data)
    if len(data) > FILE_LIMIT_BYTES:
        reading = Reading()
        size = FILE_LIMIT_BYTES // 1024 // 1024
        reading.put_aside(0, "", f"Tệp lớn hơn {size} MB.", f"The file is over {size} MB.")
        reading.stopped = reading.passed[0]
        return chosen, reading
    if said := foreign(data):
        reading = Reading()
        reading.put_aside(0, "", *said)
        reading.stopped = reading.passed[0]
        return chosen, reading
    return chosen, chosen.read(data)
