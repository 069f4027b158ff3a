"""Official documents: measured against Nghị định 30/2020, filled from the case, inert to what strangers wrote."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.clocks.reckon import HANOI
from api.documents import docx, fonts, render, words
from api.documents.forms import all_forms
from api.documents.model import BODY_BYTES, Body, Heading, Paragraph, Table, fitted
from api.problems import Problem
from api.state.cases import Incident
from api.state.inventory import System
from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, Browser, NodeUnderTest, hit, make_node

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HOSTILE = '#import "@preview/x:1.0.0": * $x$ *b* <w:p> \u202egpj.exe\u200b \x07 ]] \U0001f600'
VIETNAMESE = "ẴẨỄỖỮ ặệộự Tằng Tết ơ Ơ ư Ư ạ Ạ ỹ Ỹ đ Đ"


def body(**more: Any) -> Body:
    row = ["1", "22/11/2026 09:05:07 +07:00", HOSTILE]
    base = {
        "parent": "Ủy ban nhân dân tỉnh Tre Xanh", "agency": "Sở Khoa học và Công nghệ", "symbol": "SKHCN",
        "place": "Tre Xanh", "year": 2026, "subject": "Báo cáo ban đầu", "addressee": "Trung tâm cấp trên",
        "blocks": [
            Heading(text="1. Đơn vị"), Paragraph(label="Tên", text=VIETNAMESE), Paragraph(text="", gap=True),
            Table(title="Bảng", head=["STT", "Lúc", "Gì"], widths=[10, 40, 50], rows=[row] * 3, left_out=12),
        ],
        "appendices": [Table(title="Diễn biến", head=["STT", "Lúc", "Gì"], widths=[10, 40, 50], rows=[row] * 60)],
        "recipients": ["Như trên"], "capacity": "KT. Giám đốc", "signer": "Phó Giám đốc",
    }  # fmt: skip
    return Body.model_validate({**base, **more})


def xml(data: bytes, part: str = "word/document.xml") -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return ElementTree.fromstring(archive.read(part))


def text_of(element: ElementTree.Element) -> str:
    return "".join(node.text or "" for node in element.iter(f"{W}t"))


def mm(twips: str) -> int:
    return round(int(twips) / 1440 * 25.4)


def run_of(paper: ElementTree.Element, text: str) -> tuple[int, bool, bool]:
    """(half points, bold, italic) of the first run that holds `text`."""
    run = next(run for run in paper.iter(f"{W}r") if text in text_of(run))
    size = run.find(f"{W}rPr/{W}sz")

    def on(name: str) -> bool:
        found = run.find(f"{W}rPr/{W}{name}")
        return found is not None and found.get(f"{W}val", "1") not in ("0", "false")

    return (int(size.get(f"{W}val", "0")) if size is not None else 28), on("b"), on("i")


# ---- words


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-02-05T02:05:00Z", "09 giờ 05 phút ngày 05 tháng 02 năm 2026"),
        ("2026-03-09T17:00:00Z", "00 giờ 00 phút ngày 10 tháng 3 năm 2026"),
        ("2026-11-22T01:08:30Z", "08 giờ 08 phút ngày 22 tháng 11 năm 2026"),
        ("2028-02-28T20:00:00Z", "03 giờ 00 phút ngày 29 tháng 02 năm 2028"),
    ],
)
def test_times_as_officials_write_them(moment: str, said: str) -> None:
    from datetime import datetime

    assert words.moment(datetime.fromisoformat(moment).astimezone(HANOI).timestamp()) == said


@given(st.text(max_size=200))
def test_any_text_becomes_harmless_characters_of_xml(text: str) -> None:
    out = words.inert(text)
    assert not any(ord(char) in words._HIDDEN or (ord(char) < 32 and char != "\n") for char in out)
    ElementTree.fromstring(f"<x>{out.replace('&', '').replace('<', '')}</x>")
    assert words.inert("x" * 9_000).endswith(" (…)")


def test_a_body_that_is_too_long_loses_rows_and_says_so() -> None:
    row = ["x" * 4_000] * 3
    long = body(appendices=[Table(head=["a", "b", "c"], widths=[1, 1, 1], rows=[row] * 200)])
    short = fitted(long)
    [table] = short.appendices
    assert len(short.model_dump_json()) <= BODY_BYTES
    assert len(table.rows) + table.left_out == 200


# ---- .docx


def test_the_docx_has_the_measures_of_the_decree() -> None:
    paper = xml(docx.write(body()))
    portrait, landscape = paper.findall(f".//{W}sectPr")
    for section, size in ((portrait, (210, 297)), (landscape, (297, 210))):
        page, margin = section.find(f"{W}pgSz"), section.find(f"{W}pgMar")
        assert page is not None
        assert margin is not None
        assert (mm(page.get(f"{W}w", "")), mm(page.get(f"{W}h", ""))) == size
        edges = {side: mm(margin.get(f"{W}{side}", "")) for side in ("top", "bottom", "left", "right")}
        assert 20 <= edges["top"] <= 25
        assert 20 <= edges["bottom"] <= 25
        assert 30 <= edges["left"] <= 35
        assert 15 <= edges["right"] <= 20
    assert portrait.find(f"{W}titlePg") is not None  # no number on the first page …
    assert landscape.find(f"{W}titlePg") is None  # … and one on the appendix, which is not a first page
    sizes = {
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM": (25, True, False), "Độc lập - Tự do - Hạnh phúc": (28, True, False),
        "ỦY BAN NHÂN DÂN": (26, False, False), "SỞ KHOA HỌC": (26, True, False), "Số:": (26, False, False),
        "Tre Xanh, ngày": (28, False, True), "BÁO CÁO": (28, True, False), "Báo cáo ban đầu": (28, True, False),
        "Nơi nhận:": (24, True, True), "- Như trên;": (22, False, False), "- Lưu: VT": (22, False, False),
        "PHÓ GIÁM ĐỐC": (28, True, False), "Tên: ": (28, True, False),
    }  # fmt: skip
    assert {text: run_of(paper, text) for text in sizes} == sizes
    paragraph = next(p for p in paper.iter(f"{W}p") if "ặệộự" in text_of(p))
    align, indent = paragraph.find(f"{W}pPr/{W}jc"), paragraph.find(f"{W}pPr/{W}ind")
    assert align is not None
    assert align.get(f"{W}val") == "both"
    assert indent is not None
    assert 10 <= mm(indent.get(f"{W}firstLine", "")) <= 13
    spacing = paragraph.find(f"{W}pPr/{W}spacing")
    assert spacing is not None
    assert int(spacing.get(f"{W}after", "0")) >= 120  # 6 pt
    header = next(h for h in headers(docx.write(body())) if "PAGE" in ElementTree.tostring(h, "unicode"))
    assert header.find(f".//{W}jc") is not None


def headers(data: bytes) -> list[ElementTree.Element]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [ElementTree.fromstring(archive.read(n)) for n in archive.namelist() if re.match(r"word/header\d", n)]


def test_number_date_and_name_stay_empty() -> None:
    text = text_of(xml(docx.write(body())))
    assert re.search(r"Số:\s+/BC-SKHCN", text)
    assert re.search(r"Tre Xanh, ngày\s+tháng\s+năm 2026", text)


def test_the_font_is_times_new_roman_everywhere_and_black() -> None:
    data = docx.write(body())
    styles = xml(data, "word/styles.xml")
    normal = next(s for s in styles.iter(f"{W}style") if s.get(f"{W}styleId") == "Normal")
    face = normal.find(f"{W}rPr/{W}rFonts")
    assert face is not None
    assert {face.get(f"{W}{kind}") for kind in ("ascii", "hAnsi", "eastAsia", "cs")} == {"Times New Roman"}
    paper = xml(data)
    assert {f.get(f"{W}ascii") for f in paper.iter(f"{W}rFonts")} <= {"Times New Roman", None}
    assert list(paper.iter(f"{W}color")) == []


def test_strangers_text_is_text_and_what_is_left_out_is_said() -> None:
    paper = xml(docx.write(body(blocks=[Paragraph(text=words.inert(HOSTILE)), body().blocks[3]])))
    text = text_of(paper)
    assert "<w:p> [U+202E]gpj.exe[U+200B]" in text
    assert "[U+0007]" in text
    assert "và 12 mục khác" in text
    assert list(paper.iter(f"{W}hyperlink")) == []


def test_an_exercise_says_so_on_every_page() -> None:
    def feet(data: bytes) -> list[str]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [text_of(ElementTree.fromstring(archive.read(n))) for n in archive.namelist() if "word/footer" in n]

    assert sum(docx.EXERCISE in text for text in feet(docx.write(body(exercise=True)))) == 2  # first page and others
    assert not any("DIỄN TẬP" in text for text in feet(docx.write(body())))


def test_the_same_body_gives_the_same_bytes() -> None:
    assert docx.write(body()) == docx.write(body())


# ---- PDF


def pdf_text(data: bytes, tmp_path: Path) -> str:
    (tmp_path / "x.pdf").write_bytes(data)
    return subprocess.run(
        ["pdftotext", "-layout", tmp_path / "x.pdf", "-"], capture_output=True, check=True, text=True
    ).stdout


needs_font = pytest.mark.skipif(
    fonts.face() is None and os.environ.get("CI") != "true", reason="a font is missing: apt install fonts-croscore"
)
needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not on this machine")


@needs_font
def test_the_font_has_every_vietnamese_letter() -> None:
    letters = [
        b + t for b in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for t in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    ]
    wanted = {unicodedata.normalize("NFC", letter) for letter in letters} | set("đĐ–…“”")
    face = fonts.face()
    assert face
    assert {letter for letter in wanted if ord(letter) not in fonts.covered(face.files)} == set()
    assert {ord(letter) for letter in wanted} >= fonts.LETTERS


@needs_font
@needs_poppler
def test_the_pdf_says_the_same_in_our_font_and_evaluates_nothing(tmp_path: Path) -> None:
    data = render.draw(body(exercise=True, blocks=[Paragraph(text=words.inert(HOSTILE)), *body().blocks]), "pdf", NOW)
    text = " ".join(pdf_text(data, tmp_path).replace("\u200b", "").split())
    assert VIETNAMESE in text
    assert '#import "@preview/x:1.0.0": * $x$ *b* <w:p> [U+202E]gpj.exe[U+200B]' in text
    assert "[U+1F600]" in text  # no such letter in the font: named, not dropped
    assert "và 12 mục khác" in text
    assert "DIỄN TẬP – KHÔNG PHẢI SỰ CỐ THẬT" in text
    shown = subprocess.run(["pdffonts", tmp_path / "x.pdf"], capture_output=True, check=True, text=True).stdout
    faces = [line.split()[0] for line in shown.splitlines()[2:]]
    assert faces
    assert all(any(name in face for name in ("TimesNewRoman", "Tinos", "LiberationSerif")) for face in faces)


def test_without_the_fonts_the_pdf_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "FOLDERS", (tmp_path,))
    fonts.face.cache_clear()
    with pytest.raises(render.FontMissing):
        render.pdf(body(), NOW)
    fonts.face.cache_clear()

    class Ended:
        returncode, stdout, stderr = render.NO_FONT, b"", b""

    monkeypatch.setattr(render.subprocess, "run", lambda *_, **__: Ended())
    with pytest.raises(Problem, match="LT-A0510"):
        render.draw(body(), "pdf", NOW)


@settings(max_examples=5, deadline=None)
@given(st.text(max_size=60), st.text(max_size=300))
def test_whatever_strangers_wrote_both_writers_finish(title: str, cell: str) -> None:
    table = Table(head=["a", "b"], widths=[1, 1], rows=[[words.inert(cell), words.line(title)]])
    made = body(subject=words.line(title), appendices=[table])
    assert docx.write(made)[:2] == b"PK"
    assert render.pdf(made, NOW)[:5] == b"%PDF-"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not on this machine")
def test_libreoffice_opens_the_docx(tmp_path: Path) -> None:
    (tmp_path / "x.docx").write_bytes(docx.write(body()))
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "pdf", "--outdir",
         tmp_path, tmp_path / "x.docx"], check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    text = subprocess.run(["pdftotext", tmp_path / "x.pdf", "-"], capture_output=True, check=True, text=True).stdout
    assert "PHÓ GIÁM ĐỐC" in text
    assert "PHỤ LỤC" in text


# ---- over HTTP


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        made.store([hit(n, rule=f"r-{n}", title=f"Dò mật khẩu {n} {HOSTILE}"[:200]) for n in range(2)], "hits")
        made.index()
        made.fold()
        yield made


@pytest.fixture
def lan(node: NodeUnderTest) -> Browser:
    browser = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    browser.post("/incidents", {"alert_ids": ["CB-2026-000001", "CB-2026-000002"], "title": "Máy bị chiếm quyền"})
    return browser


CASE = "/incidents/SC-2026-000001"


def test_a_document_is_made_from_the_case_and_its_hand_over_meets_the_clock(node: NodeUnderTest, lan: Browser) -> None:
    lan.post(f"/organisations/{MINE}", {"name": "Sở Thông tin", "parent": "UBND tỉnh", "symbol": "STT", "place": "Huế",
             "address": "1 Lê Lợi", "focal": "Phòng CNTT", "signer": "Giám đốc", "addressee": "Trung tâm"})  # fmt: skip
    lan.post(f"{CASE}/assessment", {"serious": True, "reason": "đã xác minh"})
    papers = lan.post(f"{CASE}/particulars", {"description": "Máy chủ cổng bị chiếm quyền", "services": "Cổng DVC"})
    assert papers["missing"] == []
    made = lan.post(f"{CASE}/documents", {"form_id": "first"})
    answer = lan.send("GET", f"/documents/{made['id']}/file?format=docx")
    assert answer.headers["content-disposition"].endswith(f'"SC-2026-000001-first-{made["id"]}.docx"')
    text = text_of(xml(answer.content))
    for word in ("SỞ THÔNG TIN", "Kính gửi: Trung tâm", "Máy chủ cổng bị chiếm quyền", "Cổng DVC", "1 Lê Lợi",
                 "18 giờ 06 phút ngày 18 tháng 11 năm 2026", "sự cố nghiêm trọng"):  # fmt: skip
        assert word.lower() in text.lower(), word
    node.clock.move(600)
    handed = lan.post(
        f"/documents/{made['id']}/handover", {"at": rfc3339(NOW + 300), "number": "21/BC-STT", "to": "TT"}
    )
    assert (handed["number"], handed["handed_name"]) == ("21/BC-STT", "Lan")
    clocks = {clock["rule_id"]: clock for clock in lan.get(f"{CASE}/clocks")["clocks"]}
    assert (clocks["serious-24h"]["state"], clocks["serious-24h"]["number"], clocks["serious-24h"]["document_id"]) == (
        "met", "21/BC-STT", made["id"])  # fmt: skip
    assert clocks["incident-72h"]["state"] == "running"  # another form


def test_what_is_stored_is_frozen(lan: Browser) -> None:
    made = lan.post(f"{CASE}/documents", {"form_id": "first"})
    before = lan.send("GET", f"/documents/{made['id']}/file").content
    lan.post(f"{CASE}/particulars", {"description": "viết sau"})
    assert lan.send("GET", f"/documents/{made['id']}/file").content == before


@pytest.mark.parametrize("form_id", sorted(form_id for form_id, form in all_forms().items() if form.of == "incident"))
def test_every_form_is_filled_and_drawn(lan: Browser, form_id: str) -> None:
    made = lan.post(f"{CASE}/documents", {"form_id": form_id})
    assert lan.send("GET", f"/documents/{made['id']}/file").content[:2] == b"PK"


def test_the_yearly_report_counts_what_is_there(lan: Browser) -> None:
    lan.post(f"{CASE}/assessment", {"personal_data": True, "reason": "x"})
    made = lan.post("/yearly-documents", {"agency": MINE, "year": 2026})
    text = text_of(xml(lan.send("GET", f"/documents/{made['id']}/file").content))
    assert "từ ngày 15/12/2025 đến ngày 14/12/2026" in text
    assert "Tổng số cảnh báo: 2" in text
    assert "Tổng số sự cố: 1" in text
    assert "có dữ liệu cá nhân bị ảnh hưởng: 1" in text
    assert lan.send("POST", "/yearly-documents", {"agency": MINE, "year": 2027}).status_code == 409
    earlier = lan.post("/yearly-documents", {"agency": MINE, "year": 2025})
    assert "Tổng số sự cố: 0" in text_of(xml(lan.send("GET", f"/documents/{earlier['id']}/file").content))


def test_nothing_of_a_secret_system_is_exported(node: NodeUnderTest, lan: Browser) -> None:
    with node.runtime.db.write() as session:
        session.add(System(id="HT-1", agency=MINE, name="mật", kind="other", grade=5, secret=True, created_at=NOW))
        session.flush()
        session.scalars(select(Incident)).one().system_id = "HT-1"
    answer = lan.send("POST", f"{CASE}/documents", {"form_id": "first"})
    assert answer.status_code == 409
    assert "bí mật nhà nước" in answer.text
    made = lan.post("/yearly-documents", {"agency": MINE, "year": 2026})
    text = text_of(xml(lan.send("GET", f"/documents/{made['id']}/file").content))
    assert "Tổng số sự cố: 0" in text
    assert "không gồm hệ thống được đánh dấu bí mật nhà nước" in text


def test_an_unknown_form_and_a_future_hand_over_are_refused(lan: Browser) -> None:
    assert lan.send("POST", f"{CASE}/documents", {"form_id": "nope"}).status_code == 422
    assert lan.send("POST", f"{CASE}/documents", {"form_id": "yearly"}).status_code == 422
    made = lan.post(f"{CASE}/documents", {"form_id": "first"})
    late = lan.send("POST", f"/documents/{made['id']}/handover", {"at": rfc3339(NOW + 9_999), "number": "1"})
    assert late.status_code == 422
    assert lan.send("POST", f"/documents/{made['id']}/handover", {"at": rfc3339(NOW), "number": ""}).status_code == 422


# ---- what was found by looking at the papers


def test_an_exercise_stands_behind_the_text_of_every_page_of_both() -> None:
    paper = docx.write(body(exercise=True))
    marked = [header for header in headers(paper) if "DIỄN TẬP" in ElementTree.tostring(header, "unicode")]
    assert len(marked) == 2  # of the first page and of all others, the appendix's too
    sections = xml(paper).findall(f".//{W}sectPr")
    assert sections[1].find(f"{W}headerReference") is None  # it goes on with the header before
    assert not any("DIỄN TẬP" in ElementTree.tostring(header, "unicode") for header in headers(docx.write(body())))


def test_what_is_not_known_is_a_dotted_line_to_the_margin_however_long_its_label() -> None:
    paper = xml(docx.write(body(blocks=[Paragraph(label="Cơ quan, tổ chức đã được thông báo", text="", gap=True)])))
    gap = next(p for p in paper.iter(f"{W}p") if "đã được thông báo" in text_of(p))
    stop = gap.find(f"{W}pPr/{W}tabs/{W}tab")
    assert stop is not None
    assert (stop.get(f"{W}leader"), mm(stop.get(f"{W}pos", "0"))) == ("dot", 160)


def test_the_foot_never_stands_alone_and_no_page_is_empty() -> None:
    """The last words keep with the foot; the appendix's section begins without an empty paragraph before it."""
    paper = xml(docx.write(body(blocks=[Paragraph(text="một"), Paragraph(text="hai\nba")])))
    kept = {text_of(p): p.find(f"{W}pPr/{W}keepNext") is not None for p in paper.iter(f"{W}p")}
    assert kept["ba"]
    assert not kept["một"]
    ends = [p for p in paper.iter(f"{W}p") if p.find(f"{W}pPr/{W}sectPr") is not None]
    made = xml(docx.write(body(made_from="SC-1")))
    [end] = [p for p in made.iter(f"{W}p") if p.find(f"{W}pPr/{W}sectPr") is not None]
    assert len(ends) == 1
    assert "SC-1" in text_of(end)


def test_a_notice_is_no_report() -> None:
    paper = docx.write(body(kind="THÔNG BÁO", mark="TB"))
    text = text_of(xml(paper))
    assert re.search(r"Số:\s+/TB-SKHCN", text)
    assert re.search(r"Kèm theo Thông báo số\s+/TB-SKHCN", text)
    assert "/BC" not in text


def test_a_moment_of_making_with_a_fraction_makes_a_pdf() -> None:
    """A real clock has one; the clock of these tests has not."""
    assert render.pdf(body(), NOW + 0.123456)[:5] == b"%PDF-"
