"""Causes, scope and remedy of an incident, within 72 hours of detection (Decree 331/2026, Art. 31.2.d)."""

from __future__ import annotations

from api.documents import case as parts
from api.documents.case import Case
from api.documents.forms import Filled, Form
from api.documents.model import Heading
from api.documents.words import line


def fill(case: Case) -> Filled:
    return Filled(
        "Nguyên nhân, phạm vi ảnh hưởng và biện pháp khắc phục sự cố an ninh mạng: "
        + line(case.incident.title, 200),
        [
            *parts.operator(case), *parts.system(case), *parts.found(case), *parts.affected(case),
            Heading(text="Nguyên nhân"), parts.said(case, "cause"), *parts.evidence(case), *parts.actions(case),
            *parts.told(case),
        ],
        [parts.timeline(case), *([parts.indicators(case)] if case.indicators else [])],
    )  # fmt: skip


FORM = Form(
    ("Báo cáo 72 giờ", "72-hour report"), "incident",
    ("category", "description", "found", "services", "data", "cause", "evidence", "actions", "plan", "told", "help"),
    fill,
)  # fmt: skip
