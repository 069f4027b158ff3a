"""One document: bytes in, an Event or the reason why not. Never an exception, whatever the bytes.

Bound: `Limits.depth`, `Limits.fields`; the size was checked by the bulk parser. Mended, not refused: bad UTF-8 and lone
surrogates (U+FFFD), NUL in strings (U+FFFD: several stores end a text there), integers beyond 64 bits (as text).
Refused: what is not one JSON object, NaN and infinities, too deep, too many fields.
Dotted names become objects where identity is read from: `{"observer.name": …}` cannot stand beside what we stamp.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from api.ingest.limits import Limits
from sensors.event import Event, decode, put

_BAD = re.compile("[\x00\ud800-\udfff]")
_HUGE = re.compile(rb"\d{19}")  # 2^63 has 19 digits; wrong only on the safe side
_DOTS = 16  # a name of more parts stays one name: no depth bomb from a key
_OPEN = ("event", "observer", "organization", "luytre", "agent")


def check(source: bytes, limits: Limits) -> Event | str:
    """The event in `source`, or why there is none."""
    mend = b"\\u0000" in source
    try:
        event = decode(source)
    except RecursionError:
        return f"the document is deeper than {limits.depth}"
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        # msgspec refuses lone surrogates and bad UTF-8, which real shippers send; the slow way mends them.
        slow = _slowly(source)
        if isinstance(slow, str):
            return slow
        event, mend = slow, True
    # Cheap upper bounds first: a document with few brackets and colons cannot be too deep or too wide.
    if source.count(b"{") + source.count(b"[") > limits.depth or source.count(b":") > limits.fields:
        depth, fields = _measure(event, limits)
        if depth > limits.depth:
            return f"the document is deeper than {limits.depth}"
        if fields > limits.fields:
            return f"the document has more than {limits.fields} fields"
    if mend or _HUGE.search(source):
        event = _mend(event)
    return _open(event)


def _slowly(source: bytes) -> Event | str:
    try:
        found = json.loads(source.decode("utf-8", "replace"), strict=False, parse_constant=_refuse)
    except RecursionError:
        return "the document is too deep"
    except ValueError as error:
        return f"not JSON: {str(error)[:120]}"
    return found if isinstance(found, dict) else "not a JSON object"


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")


def _measure(value: Any, limits: Limits) -> tuple[int, int]:
    """(depth, fields), stopping as soon as one is beyond its limit."""
    deepest = fields = 0
    stack = [(value, 1)]
    while stack:
        here, depth = stack.pop()
        deepest = max(deepest, depth)
        if deepest > limits.depth or fields > limits.fields:
            break
        if isinstance(here, dict):
            fields += len(here)
            stack.extend((inner, depth + 1) for inner in here.values() if isinstance(inner, dict | list))
        else:
            stack.extend((inner, depth + 1) for inner in here if isinstance(inner, dict | list))
    return deepest, fields


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return _BAD.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_mend(key): _mend(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mend(inner) for inner in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    return value


def _open(event: Event) -> Event:
    """Dotted keys at the top, and inside the objects that we stamp, as objects."""
    if any("." in key for key in event):
        event = _nest(event)
    for name in _OPEN:
        inner = event.get(name)
        if isinstance(inner, dict) and any("." in key for key in inner):
            event[name] = _nest(inner)
    return event


def _nest(flat: Event) -> Event:
    out: Event = {}
    for key, value in flat.items():
        path = key.strip(".")
        if "." not in key or not path or ".." in path or path.count(".") > _DOTS:
            have = out.get(key)
            if not isinstance(have, dict):
                out[key] = value
            elif isinstance(value, dict):
                out[key] = {**have, **value}
        else:
            put(out, path, value)
    return out
