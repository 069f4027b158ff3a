"""A rule's sentence with the fields of what it found: "{source.ip} đoán mật khẩu của {user.name}".

In:  a template and a way to look fields up. Out: plain text, at most `LIMIT_CHARS`; what is missing reads "?".
The values are from strangers: control characters are taken out, nothing is interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from correlator.engine.conditions import MISSING, members
from correlator.engine.values import text_of

LIMIT_CHARS = 1000
VALUE_LIMIT_CHARS = 200
MEMBERS_SHOWN = 3
_FIELD = re.compile(r"\{([A-Za-z@_][\w.@-]{0,100})\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def fill(templates: Mapping[str, str], look_up: Callable[[str], Any]) -> dict[str, str]:
    """Each language's sentence."""
    return {language: _FIELD.sub(lambda found: show(look_up(found[1])), text)[:LIMIT_CHARS]
            for language, text in templates.items()}  # fmt: skip


def show(value: Any) -> str:
    texts = [text for member in members(value if value is not MISSING else None) if (text := text_of(member))]
    if not texts:
        return "?"
    shown = ", ".join(_CONTROL.sub(" ", text)[:VALUE_LIMIT_CHARS] for text in texts[:MEMBERS_SHOWN])
    return shown + (" …" if len(texts) > MEMBERS_SHOWN else "")
