"""What rules and correlations share: title, level, tags, our texts and tests.

In:  a document. Out: `About`; `Unusable` for what a rule can't be run without knowing: title, id, level, status.
Other fields that are not as the specification wants them (a date, a tag) don't stop a detection: `luytre rules check`
names them. Ours stands under `luytre:` and `tests:`, which Sigma allows.
Source: Sigma specification 2.1.0 and its JSON schemas; conventions of rules/README.md.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any, cast

from correlator.engine.documents import Document
from correlator.engine.rule import About, Unusable
from correlator.hit import Level

TITLE_LIMIT_CHARS = 256  # the schema's

_LEVELS = ("informational", "low", "medium", "high", "critical")
_STATUS = ("stable", "test", "experimental", "deprecated", "unsupported")
_ID = re.compile(r"[\w.:-]{1,100}")  # UUIDs "are recommended but not mandatory"; it becomes part of addresses


def read(document: Document, path: str) -> About:
    raw: Mapping[str, Any] = document.value
    title = raw.get("title")
    if not isinstance(title, str) or not 0 < len(title) <= TITLE_LIMIT_CHARS:
        raise Unusable(f"a rule needs a title of at most {TITLE_LIMIT_CHARS} characters", "title")
    own = _mapping(raw.get("luytre"))
    group, tests, tags = own.get("group_by"), raw.get("tests"), raw.get("tags")
    return About(
        id=_id(raw.get("id"), title),
        name=str(raw.get("name") or ""),
        title=title,
        level=cast("Level", _one_of(_LEVELS, raw.get("level"), "level") or "low"),
        tags=tuple(str(tag).lower() for tag in tags) if isinstance(tags, list) else (),
        titles={"en": title, **_texts(own.get("title"))},
        description={"en": str(raw.get("description") or ""), **_texts(own.get("description"))},
        reason=_texts(own.get("reason")),
        steps={k: [str(step) for step in steps] for k, steps in _mapping(own.get("steps")).items()
               if isinstance(steps, list)},
        group_by=tuple(str(name) for name in group) if isinstance(group, list) else None,
        tests=tests if isinstance(tests, list) else [],
        path=path,
        line=document.line_of("title"),
        status=_one_of(_STATUS, raw.get("status"), "status"),
    )  # fmt: skip


def _id(given: object, title: str) -> str:
    if given is None:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"luytre:rule:{title}"))
    text = str(given).strip()
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text if _ID.fullmatch(text) else str(uuid.uuid5(uuid.NAMESPACE_URL, f"luytre:rule:{text}"))


def _one_of(known: tuple[str, ...], given: object, key: str) -> str:
    text = "" if given is None else str(given).lower()
    if text and text not in known:
        raise Unusable(f"{key} {text[:40]!r} is none of {', '.join(known)}", key)
    return text


def _mapping(value: Any) -> Mapping[str, Any]:
    return {str(key): inner for key, inner in value.items()} if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {key: str(text).strip() for key, text in _mapping(value).items() if text}
