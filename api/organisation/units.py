"""Rows of the organisation as its files hold them: read, checked, all errors at once with their place.

In:  CSV text (UTF-8, with or without BOM; `,` or `;`), a header line. Out: rows and problems; with a problem nothing is
     imported. Units: kind, name, code, parent, valid_from, valid_to, source. Events: at, kind, before, after, source.
Bound: ROWS rows, LIMIT_BYTES of text. A code is ASCII and stays for ever; a day is ISO 8601 of the precision that its
source gives ("2026", "2025-07-01"), empty for "since before the register".
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

KINDS = (
    "ministry", "ministry_rank", "city", "province", "special_zone", "ward", "commune", "department", "other",
)  # fmt: skip
RANKS = ("ministry", "ministry_rank", "city", "province")  # what the nation's percentages count
EVENTS = ("created", "merged", "renamed", "split", "changed_kind", "moved", "ended")
UNIT_FIELDS = ("kind", "name", "code", "parent", "valid_from", "valid_to", "source")
EVENT_FIELDS = ("at", "kind", "before", "after", "source")
ROWS, LIMIT_BYTES, PROBLEMS = 20_000, 4 << 20, 100
DEPTH = 8
_CODE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class UnitRow:
    kind: str
    name: str
    code: str
    parent: str | None
    valid_from: str
    valid_to: str | None
    source: str

    def holds(self, day: str) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class EventRow:
    at: str
    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    source: str

    @property
    def key(self) -> str:
        text = "\x00".join((self.at, self.kind, *sorted(self.before), "→", *sorted(self.after)))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with which line."""

    line: int
    vi: str
    en: str


def read_units(text: str) -> tuple[list[UnitRow], list[Wrong]]:
    rows: list[UnitRow] = []
    wrong: list[Wrong] = []
    for line, cells in _lines(text, UNIT_FIELDS, wrong):
        row = UnitRow(
            cells["kind"], cells["name"], cells["code"], cells["parent"] or None, cells["valid_from"],
            cells["valid_to"] or None, cells["source"],
        )  # fmt: skip
        said = list(_unit_wrong(row))
        wrong += [Wrong(line, vi, en) for vi, en in said]
        if not said:
            rows.append(row)
    return rows, wrong[:PROBLEMS]


def read_events(text: str) -> tuple[list[EventRow], list[Wrong]]:
    rows: list[EventRow] = []
    wrong: list[Wrong] = []
    for line, cells in _lines(text, EVENT_FIELDS, wrong):
        before, after = tuple(cells["before"].split()), tuple(cells["after"].split())
        bad = [code for code in (*before, *after) if not _CODE.fullmatch(code)]
        if cells["kind"] not in EVENTS:
            wrong.append(
                Wrong(line, f"loại thay đổi lạ: {cells['kind'][:40]!r}", f"unknown event: {cells['kind'][:40]!r}")
            )
        elif not _DAY.fullmatch(cells["at"]):
            wrong.append(Wrong(line, "ngày không đúng dạng YYYY-MM-DD", "the day is not YYYY-MM-DD"))
        elif bad or not (before or after):
            wrong.append(Wrong(line, f"mã không hợp lệ: {bad[:3]}", f"not valid codes: {bad[:3]}"))
        else:
            rows.append(EventRow(cells["at"], cells["kind"], before, after, cells["source"]))
    return rows, wrong[:PROBLEMS]


def check(rows: Sequence[UnitRow]) -> list[Wrong]:
    """What is wrong with all of them together: periods that overlap, parents that are not there, circles.

    `line` counts the rows from 2, as a file with a header does."""
    wrong: list[Wrong] = []
    of: Mapping[str, list[tuple[int, UnitRow]]] = defaultdict(list)
    for line, row in enumerate(rows, 2):
        of[row.code].append((line, row))
    for code, periods in of.items():
        periods.sort(key=lambda pair: pair[1].valid_from)
        for (_, before), (line, after) in pairwise(periods):
            if before.valid_to is None or before.valid_to > after.valid_from:
                wrong.append(
                    Wrong(line, f"`{code}` có hai giai đoạn chồng nhau", f"`{code}` has two periods that overlap")
                )
    for line, row in enumerate(rows, 2):
        if row.parent and row.parent not in of:
            wrong.append(Wrong(line, f"không có đơn vị cấp trên `{row.parent}`", f"there is no parent `{row.parent}`"))
        elif row.parent and _circle(row, of):
            wrong.append(Wrong(line, f"`{row.code}` nằm dưới chính nó", f"`{row.code}` lies below itself"))
    return sorted(wrong, key=lambda one: one.line)[:PROBLEMS]


def starter() -> tuple[list[UnitRow], list[EventRow]]:
    """What ships: 17 ministries and agencies of that rank, 34 units of province rank, what they were before."""
    folder = resources.files("api.organisation")
    units, wrong = read_units(folder.joinpath("starter.csv").read_text("utf-8"))
    events, also = read_events(folder.joinpath("events.csv").read_text("utf-8"))
    if wrong or also:
        raise ValueError((wrong + also)[0].en)
    return units, events


def written(rows: Iterable[UnitRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(UNIT_FIELDS)
    for row in rows:
        writer.writerow([_cell(getattr(row, field) or "") for field in UNIT_FIELDS])
    return out.getvalue()


def _cell(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula; reading takes the quote away again."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _lines(text: str, fields: Sequence[str], wrong: list[Wrong]) -> Iterable[tuple[int, dict[str, str]]]:
    text = text.removeprefix("\ufeff")
    if len(text.encode("utf-8", "replace")) > LIMIT_BYTES:
        wrong.append(Wrong(1, "tệp quá lớn", "the file is too large"))
        return
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        head = [cell.strip().casefold() for cell in next(reader, [])]
        if set(fields) - {"parent", "valid_to", "source"} - set(head):
            missing = ", ".join(field for field in fields if field not in head)
            wrong.append(Wrong(1, f"thiếu cột: {missing}", f"columns are missing: {missing}"))
            return
        for count, cells in enumerate(reader):
            if not any(cell.strip() for cell in cells):
                continue
            if count >= ROWS:
                wrong.append(Wrong(reader.line_num, f"nhiều hơn {ROWS} dòng", f"more than {ROWS} rows"))
                return
            found = dict(zip(head, cells, strict=False))
            yield reader.line_num, {field: _clean(found.get(field, "")) for field in fields}
    except csv.Error as error:
        wrong.append(Wrong(reader.line_num, f"không đọc được CSV: {error}", f"not CSV: {error}"))


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text.strip().removeprefix("'"))
    return " ".join("".join(c for c in text if c.isprintable()).split()).encode("utf-8", "replace").decode()


def _unit_wrong(row: UnitRow) -> Iterable[tuple[str, str]]:
    if row.kind not in KINDS:
        yield f"loại đơn vị lạ: {row.kind[:40]!r}; một trong: {', '.join(KINDS)}", f"unknown kind: {row.kind[:40]!r}"
    if not _CODE.fullmatch(row.code):
        yield f"mã không hợp lệ: {row.code[:70]!r} (a-z, 0-9, '.', '_', '-')", f"not a valid code: {row.code[:70]!r}"
    if row.parent is not None and not _CODE.fullmatch(row.parent):
        yield f"mã cấp trên không hợp lệ: {row.parent[:70]!r}", f"not a valid parent: {row.parent[:70]!r}"
    if not 1 <= len(row.name) <= 256:
        yield "tên phải có từ 1 đến 256 ký tự", "a name has 1 to 256 characters"
    if len(row.source) > 512:
        yield "nguồn dài quá 512 ký tự", "a source has at most 512 characters"
    for day in (row.valid_from, row.valid_to):
        if day and not _DAY.fullmatch(day):
            yield f"ngày không đúng dạng YYYY-MM-DD: {day[:20]!r}", f"not a day YYYY-MM-DD: {day[:20]!r}"
    if row.valid_to is not None and row.valid_to <= row.valid_from:
        yield "ngày kết thúc phải sau ngày bắt đầu", "it must end after it begins"


def _circle(row: UnitRow, of: Mapping[str, list[tuple[int, UnitRow]]]) -> bool:
    """Whether the line of parents, on the day on which the row begins, comes back or is deeper than DEPTH."""
    here: str | None = row.parent
    for _ in range(DEPTH):
        if here is None:
            return False
        if here == row.code:
            return True
        above = next((one for _, one in of.get(here, []) if one.holds(row.valid_from)), None)
        here = above.parent if above else None
    return here is not None
