"""The queue's order, as a sum that can be read aloud: what the rule says (level) and what it happened to (grade).

    level   informational 0 · low 20 · medium 40 · high 60 · critical 80
    grade   1: 0 · 2: 5 · 3: 10 · 4: 20 · 5: 30        (none yet: nothing is added)

One step of level (20) is worth as much as grade 4: a medium alert on a grade 4 system stands with a high one elsewhere,
and a high one on grade 5 above a critical one on an ungraded machine. Source: ux.md A1.3 (Splunk ES: severity × asset
priority); the weights are ours (2026-11-22). `Alert.priority` keeps the sum, so that paging by cursor stays right.
"""

from __future__ import annotations

from typing import Any

LEVEL_STEP = 20
GRADE_POINTS = {1: 0, 2: 5, 3: 10, 4: 20, 5: 30}
_LEVELS = (
    ("thông tin", "informational"), ("thấp", "low"), ("trung bình", "medium"), ("cao", "high"),
    ("nghiêm trọng", "critical"),
)  # fmt: skip


def points(level_order: int, grade: int | None) -> int:
    return level_order * LEVEL_STEP + GRADE_POINTS.get(grade or 0, 0)


def terms(level_order: int, grade: int | None) -> list[dict[str, Any]]:
    """The same sum in words; the points add up to `points`."""
    vi, en = _LEVELS[level_order]
    said = [{"points": level_order * LEVEL_STEP, "vi": f"mức độ {vi}", "en": f"level {en}"}]
    if more := GRADE_POINTS.get(grade or 0, 0):
        said.append({"points": more, "vi": f"hệ thống cấp độ {grade}", "en": f"grade {grade} system"})
    return said
