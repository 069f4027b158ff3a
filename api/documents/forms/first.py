"""First notice of a serious incident, within 24 hours of detection (Decree 331/2026, Art. 31.2.d)."""

from __future__ import annotations

from api.documents import case as parts
from api.documents.case import Case
from api.documents.forms import Filled, Form
from api.documents.words import line


def fill(case: Case) -> Filled:
    return Filled(
        f"Ban đầu về sự cố an ninh mạng: {line(case.incident.title, 200)}",
        [
            *parts.operator(case), *parts.system(case), *parts.found(case), *parts.affected(case),
            *parts.actions(case), *parts.told(case),
        ],
        [parts.indicators(case)] if case.indicators else [],
    )  # fmt: skip


FORM = Form(
    ("Báo cáo ban đầu", "First notice"), "incident",
    ("category", "description", "found", "services", "data", "actions", "plan", "told", "help"), fill,
)  # fmt: skip
