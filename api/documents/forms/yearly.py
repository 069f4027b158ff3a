"""Yearly report on monitoring and incidents, period 15 December to 14 December: from data (Form 08 of Decree 331/2026).

The text of the form was not at hand: the sections are the usual ones of such a report, the figures are this node's own.
"""

from __future__ import annotations

from api.documents.case import labelled
from api.documents.forms import Filled, Form
from api.documents.model import Heading, Paragraph, Table
from api.documents.words import FLAG, LEVEL, STATE, line
from api.documents.yearly import Year


def fill(year: Year) -> Filled:
    of, span = year.organisation, f"từ ngày {_day(year.start)} đến ngày {_day(year.end)}"
    graded = Table(
        title="Hệ thống thông tin theo cấp độ", head=["Cấp độ", "Số hệ thống"], widths=[60, 40],
        rows=[[f"Cấp độ {grade}" if grade else "Chưa xác định cấp độ", str(count)] for grade, count in year.systems],
    )  # fmt: skip
    levels = Table(
        title="Cảnh báo và sự cố theo mức độ", head=["Mức độ", "Cảnh báo", "Sự cố"], widths=[50, 25, 25],
        rows=[[LEVEL[level], str(alerts), str(found)] for level, alerts, found in year.levels],
    )  # fmt: skip
    kinds = Table(
        title="Cảnh báo theo luật phát hiện (nhiều nhất)", head=["Luật", "Số cảnh báo"], widths=[75, 25],
        rows=[[line(name), str(count)] for name, count in year.rules],
    )  # fmt: skip
    listed = Table(
        title="Danh sách sự cố trong kỳ", head=["STT", "Mã", "Sự cố", "Mức độ", "Phát hiện", "Trạng thái", "Đánh giá"],
        widths=[5, 15, 32, 10, 14, 10, 14], left_out=year.incidents_left_out,
        rows=[
            [str(n), row.id, line(row.title, 200), LEVEL[row.level], _day(row.detected), STATE[row.state],
             "; ".join(FLAG[flag] for flag in FLAG if flag in row.flags)]
            for n, row in enumerate(year.incidents, 1)
        ],
    )  # fmt: skip
    flags = "; ".join(f"{FLAG[flag]}: {count}" for flag, count in year.flags) or "không có"
    return Filled(
        f"Kết quả giám sát và ứng phó sự cố an ninh mạng năm {year.name}",
        [
            Paragraph(text=f"Kỳ báo cáo {span}. Số liệu lấy từ trung tâm giám sát của đơn vị"
                           f"{', không gồm hệ thống được đánh dấu bí mật nhà nước' if year.secret_left_out else ''}."),
            Heading(text="Đơn vị vận hành hệ thống thông tin"),
            labelled("Tên đơn vị", line(of.name)), labelled("Địa chỉ", line(of.address)),
            labelled("Đầu mối liên hệ", "; ".join(line(part) for part in (of.focal, of.phone, of.email) if part)),
            Heading(text="Hệ thống thông tin được giám sát"), graded,
            labelled("Số cảm biến đã gửi dữ liệu trong kỳ", str(year.sensors)),
            Heading(text="Cảnh báo và sự cố"),
            labelled("Tổng số cảnh báo", str(year.alerts_total)),
            labelled("Tổng số sự cố", str(year.incidents_total)),
            labelled("Sự cố đã đóng trong kỳ", str(year.closed)),
            labelled("Thời gian xử lý trung vị từ phát hiện đến đóng", year.median), labelled("Đánh giá sự cố", flags),
            levels, *([kinds] if kinds.rows else []),
            Heading(text="Thực hiện thời hạn báo cáo"),
            labelled("Số thời hạn hoàn thành đúng hạn", str(year.met)),
            labelled("Số thời hạn hoàn thành muộn", str(year.late)),
            labelled("Số thời hạn quá hạn chưa hoàn thành", str(year.overdue)),
            Heading(text="Nhận xét, khó khăn, kiến nghị"), Paragraph(text="", gap=True), Paragraph(text="", gap=True),
        ],
        [listed] if listed.rows else [],
    )  # fmt: skip


def _day(at: float) -> str:
    from api.documents.words import local

    return local(at).strftime("%d/%m/%Y")


FORM = Form(("Báo cáo năm (Mẫu 08/331)", "Yearly report (Form 08/331)"), "year", (), fill)
