"""Which column a field's values are counted in. Both stores and aggs.py agree on it without knowing each other.

In: a name as people write it. Out: `rule.name.keyword` for short text, None for full text, else the name itself.
"""

from __future__ import annotations

from correlator.store.query import TEXT_FIELDS
from sensors.fields import CORE

KINDS = {field.name: field.type for field in CORE}
KEYWORD_TWIN = {name: f"{name}.keyword" for name, kind in KINDS.items() if kind == "text" and name not in TEXT_FIELDS}
"""Short text fields have a whole-value twin, so that "which rules?" can be counted."""


def column(field: str) -> str | None:
    if field in TEXT_FIELDS:
        return None
    return KEYWORD_TWIN.get(field, field)
