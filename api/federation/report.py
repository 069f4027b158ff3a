"""The report: what an agency's node tells the one above of itself every few minutes. Its form, and what may be in it.

In:  parts (report_facts.py) and what was told before. Out: the report as a dict, its one true form as text (as items
     have it), which is signed and sent; what is wrong with one, and where.
Thin links: a part that is as it was told before is named with its mark (16 hex digits of its SHA-256) in `same` and
left out. The receiver that does not hold that part asks for it (409 {need: [names]}), and gets all of them.
Bound: REPORT_LIMIT_BYTES of UTF-8.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from api.federation.item import canonical, parsed
from sensors.clock import rfc3339

SCHEMA = "luytre.report/1"
REPORT_LIMIT_BYTES = 1024 * 1024  # 5,000 agencies below, with names, are 600 KB
__all__ = ["REPORT_LIMIT_BYTES", "SCHEMA", "build", "canonical", "mark", "marks", "parsed", "wrong_with"]


def build(
    agency: str, number: int, at: float, parts: Mapping[str, Any], told: Mapping[str, str], **more: Any
) -> dict[str, Any]:
    """`told`: the marks of what the receiver holds already. `more`: exercise, and of one passed on age_s, via …"""
    known = {name: own for name, part in parts.items() if told.get(name) == (own := mark(part))}
    report = {
        "schema": SCHEMA, "agency": agency, "number": number, "at": rfc3339(at), "same": known,
        "parts": {name: part for name, part in parts.items() if name not in known},
    }  # fmt: skip
    return report | {name: value for name, value in more.items() if value}


def mark(part: Any) -> str:
    text = json.dumps(part, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def marks(parts: Mapping[str, Any]) -> dict[str, str]:
    return {name: mark(part) for name, part in parts.items()}


def wrong_with(report: Any) -> str | None:
    """What speaks against it, with the place; None when it is a report."""
    try:
        error = next(iter(_validator().iter_errors(report)), None)
        if error:
            return f"{error.json_path}: {error.message[:300]}"
        text = canonical(report)
        size = len(text.encode())
    except (RecursionError, UnicodeEncodeError):
        return "$: nested too deeply, or not Unicode"
    if "\\u0000" in text.replace("\\\\", ""):
        return "$: holds the character U+0000"
    if size > REPORT_LIMIT_BYTES:
        return f"$: {size} bytes, more than {REPORT_LIMIT_BYTES}"
    return None


@functools.cache
def _validator() -> Any:
    import jsonschema  # 5 MB, which a node that raises nothing does not pay

    schema = json.loads(resources.files("api.federation").joinpath("report.json").read_text("utf-8"))
    base = jsonschema.Draft202012Validator
    whole = base.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    # A float that JSON cannot say (1e999) must not become a column's infinity.
    whole = whole.redefine("number", lambda _, value: type(value) in (int, float) and abs(value) < 1e300)
    return jsonschema.validators.extend(base, type_checker=whole)(schema)
