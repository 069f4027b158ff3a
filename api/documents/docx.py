"""The neutral model as an editable .docx, in the form of Nghị định 30/2020/NĐ-CP, Phụ lục I.

In:  a `Body`. Out: bytes; the same body gives the same bytes. Number, date, signature stay empty: văn thư writes them.
A4; margins top and bottom 20, left 30, right 20 mm; Times New Roman, black; national name 13 bold, motto 14 bold with a
rule of its own length; parent 13, agency 13 bold with a rule of a third to a half; page number 14 centred in the top
margin, not on the first page; body 14 justified, first line 1.27 cm, 6 pt between; tables 12; Nơi nhận 12 and 11.
Times New Roman is named, not embedded: Word has it, LibreOffice puts a font of the same widths in its place.
Strangers' text reaches the file as text of runs only; no field, link or style is made from it.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Mm, Pt

from api.documents import watermark
from api.documents.model import Body, Heading, Paragraph, Table

FONT = "Times New Roman"
CENTRE, LEFT, JUSTIFY = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.JUSTIFY
LEFT_MM, RIGHT_MM = 64, 96  # the two halves of the head: 160 mm between the margins
EXERCISE = "DIỄN TẬP – KHÔNG PHẢI SỰ CỐ THẬT"


def write(body: Body) -> bytes:
    paper = Document()
    _base(paper, body)
    _head(paper, body)
    _title(paper, body)
    for number, block in enumerate(body.blocks, 1):
        if isinstance(block, Heading):
            _line(paper, block.text, bold=True, align=JUSTIFY, indent=True, next_too=True)
        elif isinstance(block, Paragraph):
            _paragraph(paper, block, next_too=number == len(body.blocks))  # the foot never stands alone on a page
        else:
            _table(paper, block, size=12)
    _foot(paper, body)
    if body.appendices:
        _appendices(paper, body)
    out = io.BytesIO()
    paper.save(out)
    return _same_each_time(out.getvalue())


def _base(paper: Any, body: Body) -> None:
    normal = paper.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(14)
    fonts = normal.element.get_or_add_rPr().get_or_add_rFonts()
    for kind in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(kind), FONT)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "vi-VN")
    normal.element.get_or_add_rPr().append(language)
    normal.paragraph_format.space_after = normal.paragraph_format.space_before = Pt(0)
    normal.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    section = paper.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    _margins(section)
    section.different_first_page_header_footer = True
    _page_number(section.header.paragraphs[0])
    if body.exercise:
        _exercise(section.first_page_footer.paragraphs[0])
        _exercise(section.footer.paragraphs[0])
        for number, header in enumerate((section.header, section.first_page_header), 1):
            watermark.put(header, number)
    core = paper.core_properties
    core.title, core.author, core.last_modified_by = body.subject[:250], body.agency[:250], ""
    core.language, core.comments = "vi-VN", ""
    core.created = core.modified = datetime(body.year, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def _margins(section: Any) -> None:
    section.top_margin = section.bottom_margin = Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(20)
    section.header_distance = section.footer_distance = Mm(10)


def _page_number(paragraph: Any) -> None:
    paragraph.alignment = CENTRE
    for kind, text in (("begin", None), (None, "PAGE"), ("separate", None), ("text", "2"), ("end", None)):
        run = paragraph.add_run()
        run.font.size, run.font.name = Pt(14), FONT
        if kind == "text":
            run.text = text
        elif kind:
            char = OxmlElement("w:fldChar")
            char.set(qn("w:fldCharType"), kind)
            run._r.append(char)
        else:
            code = OxmlElement("w:instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = f" {text} "
            run._r.append(code)


def _exercise(paragraph: Any) -> None:
    paragraph.alignment = CENTRE
    run = paragraph.add_run(EXERCISE)
    run.bold, run.font.size, run.font.name = True, Pt(14), FONT


def _head(paper: Any, body: Body) -> None:
    table = paper.add_table(rows=2, cols=2)
    _plain(table, (LEFT_MM, RIGHT_MM))
    left, right = table.rows[0].cells
    _cell(left, body.parent.upper(), size=13, first=True)
    _cell(left, body.agency.upper(), size=13, bold=True, first=not body.parent)
    _rule(left, LEFT_MM, LEFT_MM * 0.4)
    _cell(right, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", size=12.5, bold=True, first=True)
    _cell(right, "Độc lập - Tự do - Hạnh phúc", size=14, bold=True)
    _rule(right, RIGHT_MM, 63)  # as long as the motto above it
    left, right = table.rows[1].cells
    _cell(left, f"Số:         /{_number(body)}", size=13, first=True)
    _cell(right, f"{body.place or '…………'}, ngày      tháng      năm {body.year}", size=14, italic=True, first=True)


def _number(body: Body) -> str:
    return body.mark + (f"-{body.symbol}" if body.symbol else "")


def _title(paper: Any, body: Body) -> None:
    _line(paper, body.kind, bold=True, align=CENTRE, before=18, next_too=True)
    _line(paper, body.subject, bold=True, align=CENTRE, next_too=True)
    _rule(paper, 160, 60, after=12)
    if body.addressee:
        _line(paper, f"Kính gửi: {body.addressee}", align=CENTRE, after=12)


def _paragraph(paper: Any, block: Paragraph, *, next_too: bool = False) -> None:
    lines = block.text.split("\n") if block.text else [""]
    for index, text in enumerate(lines):
        paragraph = paper.add_paragraph()
        _format(paragraph, align=JUSTIFY, indent=True)
        if next_too:
            paragraph.paragraph_format.keep_with_next = True
        if index == 0 and block.label:
            paragraph.add_run(f"{block.label}: ").bold = True
        if block.gap:  # a dotted line to the right margin, however long the label
            paragraph.alignment = LEFT
            paragraph.paragraph_format.tab_stops.add_tab_stop(Mm(160), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
        paragraph.add_run("\t" if block.gap else text)


def _table(paper: Any, block: Table, size: float, total_mm: int = 160) -> None:
    if block.title:
        _line(paper, block.title, bold=True, align=CENTRE, next_too=True, before=6)
    if not block.rows:
        _line(paper, "Không có.", align=JUSTIFY, indent=True)
        return
    table = paper.add_table(rows=1, cols=len(block.head))
    table.style, table.alignment, table.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
    widths = [Mm(total_mm * width / sum(block.widths)) for width in block.widths]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width  # the grid, which LibreOffice believes
    header = OxmlElement("w:tblHeader")
    header.set(qn("w:val"), "true")
    table.rows[0]._tr.get_or_add_trPr().append(header)
    for cell, text, width in zip(table.rows[0].cells, block.head, widths, strict=True):
        cell.width = width
        _cell(cell, text, size=size, bold=True, first=True)
    for values in block.rows:
        row = table.add_row()
        whole = OxmlElement("w:cantSplit")
        row._tr.get_or_add_trPr().append(whole)
        for cell, text, width in zip(row.cells, values, widths, strict=True):
            cell.width = width
            for index, part in enumerate(text.split("\n")):
                _cell(cell, part, size=size, align=LEFT, first=index == 0)
    if block.left_out:
        _line(paper, f"và {block.left_out} mục khác (không in).", italic=True, align=LEFT, before=3)
    _line(paper, "", size=6)


def _foot(paper: Any, body: Body) -> None:
    _line(paper, "", size=6, next_too=True)
    table = paper.add_table(rows=1, cols=2)
    _plain(table, (80, 80))
    left, right = table.rows[0].cells
    whole = OxmlElement("w:cantSplit")
    table.rows[0]._tr.get_or_add_trPr().append(whole)
    _cell(left, "Nơi nhận:", size=12, bold=True, italic=True, align=LEFT, first=True)
    for receiver in body.recipients:
        _cell(left, f"- {receiver};", size=11, align=LEFT)
    _cell(left, "- Lưu: VT, ….", size=11, align=LEFT)
    first = True
    for text in (body.capacity.upper(), body.signer.upper()):
        if text:
            _cell(right, text, size=14, bold=True, first=first)
            first = False
    for _ in range(5):  # room for signature and seal; the name is written by hand of văn thư
        _cell(right, "", size=14, first=first)
        first = False
    if body.made_from:
        _line(paper, f"Bản thảo lập từ hồ sơ {body.made_from}.", italic=True, size=11, align=LEFT, before=12)


def _appendices(paper: Any, body: Body) -> None:
    section = paper.add_section(WD_SECTION.NEW_PAGE)
    _without_empty_paragraph(paper)
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    _margins(section)
    section.different_first_page_header_footer = False  # its first page is not the document's first
    for number, table in enumerate(body.appendices, 1):
        name = "PHỤ LỤC" if len(body.appendices) == 1 else f"PHỤ LỤC {('I', 'II', 'III', 'IV')[number - 1]}"
        paragraph = _line(paper, name, bold=True, align=CENTRE, next_too=True)
        paragraph.paragraph_format.page_break_before = number > 1
        _line(paper, table.title.upper(), bold=True, align=CENTRE, next_too=True)
        _line(
            paper, f"(Kèm theo {body.kind.capitalize()} số       /{_number(body)} ngày      tháng      năm "
            f"{body.year}"
            f" của {body.agency})", italic=True, align=CENTRE, after=6, next_too=True,
        )  # fmt: skip
        _table(paper, table.model_copy(update={"title": ""}), size=12, total_mm=247)


def _without_empty_paragraph(paper: Any) -> None:
    """The section's end moves from the empty paragraph that python-docx makes for it into the text before: on a full
    page that paragraph would be a page of its own."""
    *_, before, empty = paper.paragraphs
    if empty._p.getprevious() is before._p:
        before._p.get_or_add_pPr().append(empty._p.pPr.sectPr)
        empty._p.getparent().remove(empty._p)


def _format(paragraph: Any, *, align: Any, indent: bool = False, before: float = 0, after: float = 6) -> None:
    paragraph.alignment = align
    form = paragraph.paragraph_format
    form.space_before, form.space_after = Pt(before), Pt(after)
    if indent:
        form.first_line_indent = Cm(1.27)


def _line(
    paper: Any, text: str, *, bold: bool = False, italic: bool = False, size: float = 14, align: Any = CENTRE,
    before: float = 0, after: float = 6, indent: bool = False, next_too: bool = False,
) -> Any:  # fmt: skip
    paragraph = paper.add_paragraph()
    _format(paragraph, align=align, before=before, after=after if text else 0, indent=indent)
    paragraph.paragraph_format.keep_with_next = next_too
    run = paragraph.add_run(text)
    run.bold, run.italic, run.font.size = bold, italic, Pt(size)
    return paragraph


def _cell(cell: Any, text: str, *, size: float, bold: bool = False, italic: bool = False, align: Any = CENTRE,
          first: bool = False) -> None:  # fmt: skip
    if first and not text:
        return
    paragraph = cell.paragraphs[0] if first else cell.add_paragraph()
    paragraph.alignment = align
    run = paragraph.add_run(text)
    run.bold, run.italic, run.font.size = bold, italic, Pt(size)


def _rule(where: Any, width_mm: float, rule_mm: float, after: float = 6) -> None:
    """A line of `rule_mm` in the middle of `width_mm`: the top border of a paragraph of 1 pt between two indents."""
    paragraph = where.add_paragraph()
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = Mm((width_mm - rule_mm) / 2)
    form.space_before, form.space_after = Pt(1), Pt(after)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(2)
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for key, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{key}"), value)
    borders.append(top)
    # pBdr stands before spacing and ind in the schema; Word refuses another order.
    paragraph._p.get_or_add_pPr().insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


def _plain(table: Any, widths_mm: tuple[int, int]) -> None:
    """Two columns without borders or inner margins, so that they keep to the page's own."""
    table.autofit, table.alignment = False, WD_TABLE_ALIGNMENT.CENTER
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        part = OxmlElement(f"w:{side}")
        part.set(qn("w:w"), "0")
        part.set(qn("w:type"), "dxa")
        margins.append(part)
    table._tbl.tblPr.append(margins)
    for column, width in zip(table.columns, widths_mm, strict=True):
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)


def _same_each_time(data: bytes) -> bytes:
    """The archive without the times of its making."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return out.getvalue()
