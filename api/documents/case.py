"""The facts of an incident, read once inside one transaction, for the forms to lay out.

In:  a session and an incident. Out: `Case`, plain values; every text of a stranger is inert.
Bound: ALERTS alerts and HISTORY acts are read; the forms show words.ROWS of them and say how many are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.clocks import keep
from api.clocks.keep import Detection
from api.documents.model import Block, Heading, Paragraph, Table
from api.documents.organisation import OrganisationIn, of_agency
from api.documents.words import ACT, FLAG, LEVEL, ROWS, STATE, inert, line, moment, short
from api.state.cases import Alert, History, Incident, Indicator
from api.state.clocks import Document, Finding
from api.state.federation import Outgoing
from api.state.inventory import Address, System

ALERTS = HISTORY = 1_000
SYSTEMS = 50

# What people write for the forms: key → (Vietnamese label, English label for the screen). The usual fields of an
# incident report; the official form awaits the Minister (Decree 331/2026, Art. 28.6), so the list is data of this file.
PARTICULARS: dict[str, tuple[str, str]] = {
    "category": ("Loại sự cố", "Category"),
    "description": ("Mô tả sự cố", "Description"),
    "found": ("Cách phát hiện", "How it was found"),
    "services": ("Dịch vụ bị ảnh hưởng", "Services affected"),
    "data": ("Dữ liệu bị ảnh hưởng (loại, số lượng bản ghi)", "Data affected (kinds, number of records)"),
    "subjects": ("Chủ thể dữ liệu bị ảnh hưởng (nhóm, số lượng)", "Data subjects affected (groups, number)"),
    "consequences": ("Hậu quả có thể xảy ra", "Likely consequences"),
    "evidence": ("Chứng cứ đã thu thập", "Evidence collected"),
    "actions": ("Biện pháp đã thực hiện và kết quả", "Actions taken and their result"),
    "plan": ("Biện pháp tiếp theo", "Next steps"),
    "told": ("Cơ quan, tổ chức, cá nhân đã được thông báo", "Who has been told"),
    "help": ("Đề nghị hỗ trợ", "Help asked for"),
    "cause": ("Nguyên nhân sự cố", "Root cause"),
    "lessons": ("Bài học kinh nghiệm và kiến nghị", "Lessons and proposals"),
}


@dataclass(frozen=True, slots=True)
class Case:
    incident: Incident
    organisation: OrganisationIn
    system: System | None
    names: list[str]  # addresses and names of the system
    others: list[System]  # that alerts of the incident name besides
    detection: Detection
    flags: dict[str, Any]
    said: dict[str, str]  # PARTICULARS
    alerts: list[Alert]
    alerts_total: int
    indicators: list[Indicator]
    indicators_total: int
    history: list[History]
    raised: list[Outgoing]
    papers: list[Document]
    now: float

    def text(self, key: str) -> str:
        return inert(self.said.get(key, ""))


def gather(session: Session, incident: Incident, now: float) -> Case:
    finding = session.get(Finding, incident.id)
    system = session.get(System, incident.system_id) if incident.system_id else None
    alerts = select(Alert).where(Alert.incident_id == incident.id).order_by(Alert.first_seen, Alert.id)
    indicators = select(Indicator).where(Indicator.incident_id == incident.id)
    acts = select(History).where(History.kind == "incident", History.object_id == incident.id)
    papers = select(Document).where(Document.incident_id == incident.id, Document.handed_at.is_not(None))
    raised = select(Outgoing).where(Outgoing.ref == incident.id).order_by(Outgoing.sequence).limit(20)
    named = select(Address.value).where(Address.system_id == incident.system_id, Address.until.is_(None)).limit(20)

    touched = select(Alert.system_id).where(Alert.incident_id == incident.id, Alert.system_id.is_not(None))
    others = select(System).where(System.id.in_(touched), System.id != (incident.system_id or "")).order_by(System.id)

    def count(query: Any) -> int:
        return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0

    return Case(
        incident=incident, organisation=of_agency(session, incident.agency), system=system,
        names=[line(value) for value in session.scalars(named)] if system else [],
        others=list(session.scalars(others.limit(SYSTEMS))),
        detection=keep.detection(session, incident, finding), flags=dict(finding.flags) if finding else {},
        said=dict(finding.particulars) if finding else {}, alerts=list(session.scalars(alerts.limit(ALERTS))),
        alerts_total=count(alerts), indicators_total=count(indicators),
        indicators=list(session.scalars(indicators.order_by(Indicator.type, Indicator.value).limit(ROWS))),
        history=list(session.scalars(acts.order_by(History.id).limit(HISTORY))), raised=list(session.scalars(raised)),
        papers=list(session.scalars(papers.order_by(Document.handed_at).limit(50))), now=now,
    )  # fmt: skip


# ---- parts that forms are made of


def labelled(label: str, text: str) -> Paragraph:
    return Paragraph(label=label, text=text, gap=not text)


def said(case: Case, key: str, otherwise: str = "") -> Paragraph:
    return labelled(PARTICULARS[key][0], case.text(key) or otherwise)


def operator(case: Case) -> list[Block]:
    of = case.organisation
    contact = "; ".join(line(part) for part in (of.focal, of.phone, of.email) if part)
    return [
        Heading(text="Đơn vị vận hành hệ thống thông tin"),
        labelled("Tên đơn vị", line(of.name)), labelled("Địa chỉ", line(of.address)),
        labelled("Đầu mối liên hệ", contact), labelled("Liên hệ 24/7", line(of.contact)),
    ]  # fmt: skip


def system(case: Case) -> list[Block]:
    of = case.system
    grade = case.incident.grade if case.incident.grade is not None else of.grade if of else None
    return [
        Heading(text="Hệ thống thông tin bị ảnh hưởng"),
        labelled("Tên hệ thống", line(of.name) if of else ""),
        labelled("Cấp độ", str(grade) if grade else ""),
        labelled("Chủ quản hệ thống thông tin", line(of.owner if of and of.owner else case.organisation.owner)),
        labelled("Địa chỉ IP, tên miền", ", ".join(case.names)),
        labelled("Đơn vị cung cấp dịch vụ", line(of.provider) if of else ""),
        *([labelled("Hệ thống khác có cảnh báo liên quan", "; ".join(_named(one) for one in case.others))]
          if case.others else []),
    ]  # fmt: skip


def _named(of: System) -> str:
    return f"{line(of.name)} (cấp độ {of.grade})" if of.grade else line(of.name)


def found(case: Case) -> list[Block]:
    how = {
        "alert": "Hệ thống giám sát của đơn vị tạo cảnh báo đầu tiên",
        "person": "Cán bộ của đơn vị xác định thời điểm phát hiện",
        "opened": "Cán bộ của đơn vị mở hồ sơ sự cố",
    }[case.detection.how]
    first = case.alerts[0] if case.alerts else None
    if first is not None and case.detection.how == "alert":
        how += f" (mã {first.id}: {line(first.title.get('vi') or first.title.get('en') or first.rule_id)})"
    flags = "; ".join(FLAG[flag] for flag in FLAG if flag in case.flags)
    return [
        Heading(text="Thông tin về sự cố"),
        labelled("Mã hồ sơ", case.incident.id),
        labelled("Tên sự cố", line(case.incident.title)),
        labelled("Thời điểm phát hiện", f"{moment(case.detection.at)} (múi giờ +07:00)"),
        said(case, "found", how),
        labelled("Thời điểm của sự kiện liên quan đầu tiên", moment(case.incident.first_seen)),
        labelled("Thời điểm của sự kiện liên quan gần nhất", moment(case.incident.last_seen)),
        labelled("Mức độ cảnh báo", LEVEL.get(case.incident.level, case.incident.level)),
        labelled("Đánh giá", flags[:1].upper() + flags[1:] if flags else "Chưa xác định các dấu hiệu đặc biệt"),
        labelled("Trạng thái xử lý", STATE.get(case.incident.state, case.incident.state)),
        said(case, "category"), said(case, "description", _told_by_alerts(case)),
    ]  # fmt: skip


def affected(case: Case) -> list[Block]:
    return [Heading(text="Phạm vi ảnh hưởng"), said(case, "services"), said(case, "data")]


def evidence(case: Case) -> list[Block]:
    counted = f"{case.alerts_total} cảnh báo, {case.indicators_total} chỉ dấu kỹ thuật được lưu trong hồ sơ"
    more = "; chi tiết tại Phụ lục" if case.indicators_total or case.alerts_total else ""
    return [Heading(text="Chứng cứ"), said(case, "evidence", f"{counted}{more}.")]


def actions(case: Case) -> list[Block]:
    return [Heading(text="Biện pháp đã thực hiện và kết quả"), said(case, "actions"), said(case, "plan"),
            _acts_table(case)]  # fmt: skip


def told(case: Case) -> list[Block]:
    rows = [
        f"{line(row.handed_to or '')} (văn bản số {line(row.number or '')}, {day_of(row.handed_at)})"
        for row in case.papers
    ]
    received = [row for row in case.raised if row.state in ("received", "acknowledged")]
    if received:
        rows.append(f"Trung tâm giám sát cấp trên, qua hệ thống (lần gần nhất {moment(received[-1].queued_at)})")
    whom = "; ".join([part for part in (case.text("told"), *rows) if part])
    return [Heading(text="Thông báo, phối hợp"), labelled(PARTICULARS["told"][0], whom), said(case, "help")]


def lessons(case: Case) -> list[Block]:
    return [Heading(text="Nguyên nhân và bài học kinh nghiệm"), said(case, "cause"), said(case, "lessons")]


def timeline(case: Case) -> Table:
    """What happened and what was done, in one order."""
    rows = []
    for row in case.alerts:
        title = line(row.title.get("vi") or row.title.get("en") or row.rule_id)
        why = line(row.reason.get("vi") or row.reason.get("en") or "", 400)
        rows.append((row.first_seen, "Cảnh báo", f"{title} – {why} ({row.count} lần, mã {row.id})"))
    rows += [(act.at, line(act.actor_name) or "Hệ thống", _act(act)) for act in case.history]
    rows.sort(key=lambda row: row[0])
    total = len(rows) + case.alerts_total - len(case.alerts)
    return Table(title="Diễn biến sự cố", head=["STT", "Thời điểm", "Nguồn, người thực hiện", "Nội dung"],
                 widths=[6, 22, 20, 52], left_out=max(0, total - ROWS),
                 rows=[[str(n), short(at), who, what] for n, (at, who, what) in enumerate(rows[:ROWS], 1)])  # fmt: skip


def indicators(case: Case) -> Table:
    kinds = {"ipv4": "Địa chỉ IPv4", "ipv6": "Địa chỉ IPv6", "domain": "Tên miền", "url": "URL", "sha256": "SHA-256"}
    rows = [
        [str(n), kinds.get(row.type, row.type), line(row.value), f"TLP:{row.tlp.upper()}"]
        for n, row in enumerate(case.indicators, 1)
    ]
    return Table(title="Chỉ dấu kỹ thuật", head=["STT", "Loại", "Giá trị", "Phạm vi chia sẻ"], widths=[6, 18, 58, 18],
                 rows=rows, left_out=max(0, case.indicators_total - len(rows)))  # fmt: skip


def day_of(at: float | None) -> str:
    return moment(at) if at is not None else ""


def _told_by_alerts(case: Case) -> str:
    rows = [
        line(row.reason.get("vi") or row.reason.get("en") or row.title.get("vi") or "", 400) for row in case.alerts[:5]
    ]
    return " ".join(row for row in rows if row)


def _acts_table(case: Case) -> Table:
    silent = ("described", "document", "clock_met", "clock_void", "clock_resumed", "handed")
    rows = [row for row in case.history if row.act not in silent]
    return Table(title="Các bước xử lý đã ghi nhận", head=["Thời điểm", "Người thực hiện", "Nội dung"],
                 widths=[26, 24, 50], left_out=max(0, len(rows) - ROWS),
                 rows=[[short(r.at), line(r.actor_name) or "Hệ thống", _act(r)] for r in rows[:ROWS]])  # fmt: skip


def _act(row: History) -> str:
    text = ACT.get(row.act, line(row.act, 24))
    before, after = row.before or {}, row.after or {}
    if isinstance(after.get("state"), str):
        was = STATE.get(str(before.get("state")), "")
        text += f": {was} → {STATE.get(after['state'], line(after['state'], 24))}" if was else ""
    if row.act == "assessed":
        text += ": " + "; ".join(
            f"{'' if value else 'rút lại: '}{FLAG[flag]}" for flag, value in after.items() if flag in FLAG
        )
    return f"{text}. {inert(row.note, 1_000)}" if row.note else text
