"""Urgent notice: harm to national security or order suspected, or a service seriously interrupted (at once).

Decree 331/2026, Art. 31.2.d. Short on purpose: what, where, since when, what is being done, what help is needed.
"""

from __future__ import annotations

from api.documents import case as parts
from api.documents.case import Case
from api.documents.forms import Filled, Form
from api.documents.model import Heading
from api.documents.words import line


def fill(case: Case) -> Filled:
    return Filled(
        f"Khẩn về sự cố an ninh mạng: {line(case.incident.title, 200)}",
        [
            *parts.operator(case), *parts.system(case), *parts.found(case),
            Heading(text="Ảnh hưởng và xử lý ban đầu"), parts.said(case, "services"), parts.said(case, "actions"),
            parts.said(case, "help"),
        ],
    )  # fmt: skip


FORM = Form(
    ("Báo cáo khẩn", "Urgent notice"), "incident", ("category", "description", "services", "actions", "help"), fill
)
