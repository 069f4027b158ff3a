"""Notice of a breach of personal data, within 72 hours: a skeleton of Form 08 of Decree 356/2025.

The text of the form was not at hand; the fields are those that Law 91/2025 asks for as far as secondary sources tell.
An official must lay it beside the appendix before it is sent.
"""

from __future__ import annotations

from api.documents import case as parts
from api.documents.case import Case, labelled
from api.documents.forms import Filled, Form
from api.documents.model import Heading, Paragraph
from api.documents.words import line, moment

NOTE = "Khung theo Mẫu số 08 kèm theo Nghị định số 356/2025/NĐ-CP; đối chiếu với mẫu gốc trước khi gửi."


def fill(case: Case) -> Filled:
    of = case.organisation
    return Filled(
        "Vi phạm quy định về bảo vệ dữ liệu cá nhân",
        [
            Paragraph(text=NOTE),
            Heading(text="Bên thông báo"),
            labelled("Tên cơ quan, tổ chức", line(of.name)), labelled("Địa chỉ", line(of.address)),
            labelled("Vai trò (bên kiểm soát, bên xử lý dữ liệu cá nhân)", ""),
            labelled("Đầu mối bảo vệ dữ liệu cá nhân", "; ".join(line(p) for p in (of.focal, of.phone, of.email) if p)),
            Heading(text="Nội dung vi phạm"),
            labelled("Mã hồ sơ", case.incident.id),
            labelled("Thời điểm phát hiện", f"{moment(case.detection.at)} (múi giờ +07:00)"),
            labelled("Hệ thống thông tin", line(case.system.name) if case.system else ""),
            parts.said(case, "description"),
            labelled("Loại dữ liệu cá nhân, số lượng", case.text("data")),
            parts.said(case, "subjects"), parts.said(case, "consequences"),
            Heading(text="Biện pháp xử lý"), parts.said(case, "actions"), parts.said(case, "plan"),
            labelled("Việc thông báo cho chủ thể dữ liệu", case.text("told")),
        ],
        kind="THÔNG BÁO", mark="TB",
    )  # fmt: skip


FORM = Form(
    ("Thông báo vi phạm dữ liệu cá nhân (Mẫu 08/356)", "Personal-data breach notice (Form 08/356)"), "incident",
    ("description", "data", "subjects", "consequences", "actions", "plan", "told"), fill,
)  # fmt: skip
