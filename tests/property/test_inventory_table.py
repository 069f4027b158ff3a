"""The inventory's table goes out and comes back whole, whatever a cell holds; and any bytes give a table, never an
error.
"""

from __future__ import annotations

import csv
import io
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from api.inventory import table
from api.inventory.importing import SYSTEM_COLUMNS
from api.inventory.table import Column, escaped, unescaped

COLUMNS = (Column("name", "Tên", "Name"), Column("note", "Ghi chú", "Note"), Column("more", "Thêm", "More"))
# What a cell may hold: any NFC text without U+0000 (a database refuses it); formulas and quotes more often than chance.
START = st.sampled_from(["", "=", "+", "-", "@", "\t", "\r", "'", "''=", '"', ";", ",", "\n", "=1+1", "'-"])
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30)
CELL = st.builds(str.__add__, START, TEXT).map(lambda text: unicodedata.normalize("NFC", text))
ROW = st.fixed_dictionaries({"name": CELL, "note": CELL, "more": CELL})


@given(st.lists(ROW, max_size=8), st.sampled_from(["vi", "en"]))
def test_what_is_written_is_read_again(rows: list[dict[str, str]], language: str) -> None:
    content = table.write(COLUMNS, rows, language)
    assert content.startswith(b"\xef\xbb\xbf")
    found = table.read(content, COLUMNS)
    assert found.wrong == []
    full = [row for row in rows if any(escaped(cell).strip() for cell in row.values())]
    assert [row for _, row in found.rows] == full


@given(CELL)
def test_no_cell_is_a_formula_and_escaping_is_undone(cell: str) -> None:
    assert not escaped(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescaped(escaped(cell)) == cell


@given(st.lists(ROW, max_size=4), st.sampled_from(["utf-8", "utf-16"]), st.sampled_from([",", ";", "\t"]))
def test_other_encodings_and_delimiters(rows: list[dict[str, str]], encoding: str, delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["Tên", "GHI CHU", "more"])
    for row in rows:
        writer.writerow([escaped(row[code]) for code in ("name", "note", "more")])
    found = table.read(out.getvalue().encode(encoding), COLUMNS)
    assert found.columns == ["name", "note", "more"]
    full = [row for row in rows if any(escaped(cell).strip() for cell in row.values())]
    assert [row for _, row in found.rows] == full


@given(st.binary(max_size=400))
def test_any_bytes_give_a_table(content: bytes) -> None:
    found = table.read(content, SYSTEM_COLUMNS)
    assert len(found.wrong) <= table.PROBLEMS
    assert all(isinstance(cell, str) for _, row in found.rows for cell in row.values())
