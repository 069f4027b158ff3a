"""The inventory as a table that Excel opens and saves: CSV in and out, without loss and without formulas.

Out: UTF-8 with a byte order mark (Excel takes it for the local code page otherwise), `;` between fields (what Excel
     with Vietnamese settings splits at), CRLF, the header in one language. A cell that a spreadsheet would run (`= + -
     @`, tab, carriage return first) or that begins with `'` gets a `'` before it (OWASP, "CSV injection").
In:  UTF-8 with or without mark, UTF-16 with mark; `,` `;` or tab, as the header has it; quoted fields (RFC 4180);
     headers in either language or by the field's code, in any order and case. The one `'` before such a cell goes
     again.
Promise: read(write(rows)) == rows (a property test), and every problem is told, with row and column, not the first.
Bound: FILE_BYTES, ROWS, COLUMNS, CELL characters, PROBLEMS told.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from api.casework.folding import fold

FILE_BYTES = 3 * 1024 * 1024
ROWS = 20_000
COLUMNS = 64
CELL = 10_000
PROBLEMS = 1_000
_RUNS = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True, slots=True)
class Column:
    code: str
    vi: str
    en: str
    also: tuple[str, ...] = ()  # other headers that people use


@dataclass(frozen=True, slots=True)
class Wrong:
    row: int  # as the spreadsheet counts: the header is 1
    column: str  # the column's code, or the header as it stands; "" for the whole row
    vi: str
    en: str


@dataclass(slots=True)
class Table:
    columns: list[str] = field(default_factory=list)
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)


def write(columns: Sequence[Column], rows: Iterable[Mapping[str, str]], language: str = "vi") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([column.vi if language == "vi" else column.en for column in columns])
    for row in rows:
        writer.writerow([escaped(row.get(column.code, "")) for column in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")


def escaped(cell: str) -> str:
    return "'" + cell if cell.startswith(_RUNS) else cell


def unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_RUNS) else cell


def read(content: bytes, columns: Sequence[Column]) -> Table:
    table = Table()
    text = _decode(content, table)
    if text is None:
        return table
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    try:
        header = next(reader, None)
        if not header or not any(cell.strip() for cell in header):
            _tell(table, 1, "", "Tệp trống.", "The file is empty.")
            return table
        named = _header(header, columns, table)
        for number, row in enumerate(reader, start=2):
            if number > ROWS + 1:
                _tell(table, number, "", f"Quá {ROWS} dòng.", f"More than {ROWS} rows.")
                break
            _row(row, number, named, table)
    except csv.Error as error:
        here = table.rows[-1][0] + 1 if table.rows else 2
        _tell(table, here, "", f"Không đọc được dòng này: {error}.", f"This row cannot be read: {error}.")
    return table


def _decode(content: bytes, table: Table) -> str | None:
    if len(content) > FILE_BYTES:
        limit = FILE_BYTES >> 20
        _tell(table, 1, "", f"Tệp lớn hơn {limit} MiB.", f"The file is over {limit} MiB.")
        return None
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        _tell(table, row, "", "Tệp không phải UTF-8 hay UTF-16: hãy lưu lại dạng “CSV UTF-8”.",
              "Neither UTF-8 nor UTF-16: save it as “CSV UTF-8”.")  # fmt: skip
        return None
    return unicodedata.normalize("NFC", text.replace("\x00", ""))


def _header(header: Sequence[str], columns: Sequence[Column], table: Table) -> list[str | None]:
    known = {
        fold(word): column.code for column in columns for word in (column.code, column.vi, column.en, *column.also)
    }
    named: list[str | None] = []
    for cell in header[:COLUMNS]:
        word = unescaped(cell).strip()
        code = known.get(fold(word))
        if code is None and word:
            names = ", ".join(column.vi for column in columns)
            _tell(table, 1, word[:80], f"Không có cột này. Các cột: {names}.",
                  f"No such column. Columns: {', '.join(column.en for column in columns)}.")  # fmt: skip
        elif code in named:
            _tell(table, 1, word[:80], "Cột này có hai lần.", "This column is there twice.")
            code = None
        named.append(code)
    table.columns = [code for code in named if code]
    return named


def _row(row: Sequence[str], number: int, named: Sequence[str | None], table: Table) -> None:
    if not any(cell.strip() for cell in row):
        return
    if any(cell.strip() for cell in row[len(named) :]):
        _tell(table, number, "", "Dòng có nhiều ô hơn tiêu đề.", "The row has more cells than the header.")
    values: dict[str, str] = {}
    for code, cell in zip(named, row, strict=False):
        if code is None:
            continue
        if len(cell) > CELL:
            _tell(table, number, code, f"Ô dài hơn {CELL} ký tự.", f"The cell is over {CELL} characters.")
            continue
        values[code] = unescaped(cell)
    table.rows.append((number, values))


def _tell(table: Table, row: int, column: str, vi: str, en: str) -> None:
    if len(table.wrong) < PROBLEMS:
        table.wrong.append(Wrong(row, column, vi, en))
