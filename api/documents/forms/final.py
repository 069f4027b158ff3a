"""Final report after closing (Decree 331/2026, Art. 31.2.d): with root cause and lessons."""

from __future__ import annotations

from api.documents import case as parts
from api.documents.case import Case, labelled
from api.documents.forms import Filled, Form
from api.documents.words import line, moment


def fill(case: Case) -> Filled:
    closed = f"{moment(case.incident.closed_at)} (múi giờ +07:00)" if case.incident.closed_at is not None else ""
    return Filled(
        f"Kết thúc xử lý sự cố an ninh mạng: {line(case.incident.title, 200)}",
        [
            *parts.operator(case), *parts.system(case), *parts.found(case),
            labelled("Thời điểm kết thúc xử lý", closed), *parts.affected(case), *parts.evidence(case),
            *parts.actions(case), *parts.lessons(case), *parts.told(case),
        ],
        [parts.timeline(case), *([parts.indicators(case)] if case.indicators else [])],
    )  # fmt: skip


FORM = Form(
    ("Báo cáo kết thúc", "Final report"), "incident",
    ("category", "description", "found", "services", "data", "evidence", "actions", "cause", "lessons", "told"), fill,
)  # fmt: skip
