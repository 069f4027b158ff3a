"""What rules and correlations share: title, level, tags, our texts and tests.

In:  what pySigma read, and the document. Out: `About`. Ours stands under `luytre:` and `tests:`, which Sigma allows.
Source: Sigma specification 2.1.0; conventions of rules/README.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from correlator.engine.documents import Document
from correlator.engine.rule import About
from correlator.hit import Level

_LEVELS = ("informational", "low", "medium", "high", "critical")


def about(parsed: SigmaRule | SigmaCorrelationRule, document: Document, path: str) -> About:
    own = document.value.get("luytre")
    own = own if isinstance(own, dict) else {}
    title = str(parsed.title or "")
    level = parsed.level.name.lower() if parsed.level else "low"
    group = own.get("group_by")
    tests = document.value.get("tests")
    return About(
        id=str(parsed.id) if parsed.id else str(uuid.uuid5(uuid.NAMESPACE_URL, f"luytre:rule:{title}")),
        name=str(parsed.name or ""),
        title=title,
        level=cast("Level", level if level in _LEVELS else "low"),
        tags=tuple(f"{tag.namespace}.{tag.name}" for tag in parsed.tags),
        titles={"en": title, **_texts(own.get("title"))},
        description={"en": str(parsed.description or ""), **_texts(own.get("description"))},
        reason=_texts(own.get("reason")),
        steps={k: [str(step) for step in steps] for k, steps in _mapping(own.get("steps")).items()
               if isinstance(steps, list)},
        group_by=tuple(str(name) for name in group) if isinstance(group, list) else None,
        tests=tests if isinstance(tests, list) else (),
        path=path,
        line=document.line_of("title"),
        status=parsed.status.name.lower() if parsed.status else "",
    )  # fmt: skip


def _mapping(value: Any) -> Mapping[str, Any]:
    return {str(key): inner for key, inner in value.items()} if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {key: str(text).strip() for key, text in _mapping(value).items() if text}
