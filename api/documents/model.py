"""The neutral model of an official document: what both writers (docx.py, report.typ) draw, and what is stored.

Every text in it is inert already (words.inert), every table is at most words.ROWS long and says how many are left out.
Bound: BLOCKS blocks and BODY_BYTES as JSON; a form that makes more is cut in its tables first.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.documents.words import harmless

VERSION = 1
BLOCKS = 400
BODY_BYTES = 512 * 1024
Text = Annotated[str, AfterValidator(harmless)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Heading(_Part):
    type: Literal["heading"] = "heading"
    text: Text


class Paragraph(_Part):
    type: Literal["paragraph"] = "paragraph"
    text: Text
    label: Text = ""  # "Tên hệ thống": set before the text, in bold
    gap: bool = False  # nothing is known: dots for somebody to write on


class Table(_Part):
    type: Literal["table"] = "table"
    title: Text = ""
    head: list[Text]
    widths: list[int]  # parts of the whole
    rows: list[list[Text]]
    left_out: int = 0


Block = Annotated[Heading | Paragraph | Table, Field(discriminator="type")]


class Body(_Part):
    version: int = VERSION
    language: Literal["vi"] = "vi"  # official documents are Vietnamese
    parent: Text  # cơ quan chủ quản
    agency: Text
    symbol: Text  # "/BC-SKHCN"
    place: Text
    year: int
    kind: Text = "BÁO CÁO"  # tên loại văn bản
    mark: Text = "BC"  # its short form in the number: "/BC-SKHCN"
    subject: Text
    addressee: Text = ""
    blocks: Annotated[list[Block], Field(max_length=BLOCKS)]
    appendices: Annotated[list[Table], Field(max_length=4)] = []
    recipients: list[Text]
    capacity: Text = ""  # "KT. GIÁM ĐỐC"
    signer: Text  # "PHÓ GIÁM ĐỐC"
    exercise: bool = False
    made_from: Text = ""  # "SC-2026-000001, 22/11/2026 09:05:07 +07:00": which state of the case this is


def fitted(body: Body) -> Body:
    """`body` within BODY_BYTES: the longest table loses its second half until it fits."""
    while len(body.model_dump_json().encode()) > BODY_BYTES:
        tables = [block for block in (*body.blocks, *body.appendices) if isinstance(block, Table)]
        longest = max(tables, key=lambda table: len(table.rows), default=None)
        if longest is None or len(longest.rows) < 2:
            raise ValueError("a document without tables is too long")
        keep = len(longest.rows) // 2
        longest.left_out += len(longest.rows) - keep
        del longest.rows[keep:]
    return body
