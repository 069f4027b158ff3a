"""Update on a complex incident (Decree 331/2026, Art. 31.2.d): what has changed since it was last reported."""

from __future__ import annotations

from api.documents import case as parts
from api.documents.case import Case
from api.documents.forms import Filled, Form
from api.documents.words import line


def fill(case: Case) -> Filled:
    return Filled(
        f"Diễn biến sự cố an ninh mạng: {line(case.incident.title, 200)}",
        [
            *parts.operator(case), *parts.found(case), *parts.affected(case), *parts.actions(case),
            *parts.told(case),
        ],
        [parts.timeline(case), *([parts.indicators(case)] if case.indicators else [])],
    )  # fmt: skip


FORM = Form(
    ("Báo cáo diễn biến", "Update"), "incident",
    ("category", "description", "services", "data", "actions", "plan", "told", "help"), fill,
)  # fmt: skip
