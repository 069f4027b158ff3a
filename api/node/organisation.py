"""`luytre organisation`: the register of units of a centre, as files that an editor or a spreadsheet opens."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.node.users import act
from api.organisation import units
from api.organisation.local import PAGE
from api.organisation.units import EventRow, UnitRow, Wrong
from sensors.config import Config
from sensors.errors import LuytreError, Place, Problem

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="luytre organisation check xa-phuong.csv\n\nluytre organisation import xa-phuong.csv\n\n"
    "luytre organisation export > don-vi.csv",
)
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; mặc định: LUYTRE_CONFIG")]
Events = Annotated[Path | None, typer.Option(help="các lần hợp nhất, đổi tên, chia tách: at,kind,before,after,source")]


@app.command("import")
def import_units(file: Path, events: Events = None, config: At = None) -> None:
    """Nhập đơn vị từ CSV (kind,name,code,parent,valid_from,valid_to,source); nhập lại không làm thay đổi gì."""
    loaded = Config(config)
    rows, found = _checked(loaded, file, events)
    total = {"units": 0, "rows": 0, "events": 0}
    for page in _pages(_parents_first(rows)):
        done = act(loaded, "organisation-import", rows=[asdict(row) for row in page])
        total = {name: total[name] + done[name] for name in total}
    for some in _pages(found):
        total["events"] += act(loaded, "organisation-import", events=[asdict(one) for one in some])["events"]
    print(f"{total['units']} đơn vị thay đổi ({total['rows']} dòng, {total['events']} sự kiện) / "
          f"{total['units']} units changed", file=sys.stderr)  # fmt: skip


@app.command()
def check(file: Path, events: Events = None, config: At = None) -> None:
    """Kiểm tra tệp cùng với sổ hiện có, không thay đổi gì; mọi lỗi cùng lúc, mỗi lỗi một dòng."""
    rows, found = _checked(Config(config), file, events)
    print(
        f"{len(rows)} dòng, {len(found)} sự kiện: đạt / {len(rows)} rows, {len(found)} events: sound", file=sys.stderr
    )


@app.command()
def export(config: At = None) -> None:
    """Toàn bộ sổ đơn vị ra CSV, nhập lại được."""
    print(units.written(_held(Config(config))), end="")


def _checked(config: Config, file: Path, events: Path | None) -> tuple[list[UnitRow], list[EventRow]]:
    rows, wrong = units.read_units(_read(file))
    found, also = units.read_events(_read(events)) if events else ([], [])
    problems = [_problem(file, one) for one in wrong] + [_problem(events or file, one) for one in also]
    if not problems:
        fresh = {(row.code, row.valid_from) for row in rows}
        whole = [*rows, *(row for row in _held(config) if (row.code, row.valid_from) not in fresh)]
        problems = [_problem(file, one) for one in units.check(whole)]
    if problems:
        raise LuytreError(*problems)
    return rows, found


def _held(config: Config) -> list[UnitRow]:
    rows: list[UnitRow] = []
    after: int | None = 0
    while after is not None:
        page = act(config, "organisation-page", after=after)
        rows += [UnitRow(**row) for row in page["rows"]]
        after = page["next"]
    return rows


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LuytreError(
            Problem("LT-N0602", f"không đọc được tệp: {error}", f"cannot read it: {error}", Place(file=str(file)))
        ) from None


def _problem(file: Path, wrong: Wrong) -> Problem:
    return Problem("LT-N0601", wrong.vi, wrong.en, Place(file=str(file), line=wrong.line))


def _parents_first(rows: Sequence[UnitRow]) -> list[UnitRow]:
    """Every period of a unit after those of its parents, all periods of one unit together."""
    parents = {row.code: row.parent for row in rows}

    def depth(code: str | None) -> int:
        steps = 0
        while code in parents and steps < units.DEPTH:
            code, steps = parents[code], steps + 1
        return steps

    return sorted(rows, key=lambda row: (depth(row.code), row.code, row.valid_from))


def _pages(rows: Sequence[UnitRow] | Sequence[EventRow]) -> Iterator[Sequence[UnitRow] | Sequence[EventRow]]:
    for start in range(0, len(rows), PAGE):
        yield rows[start : start + PAGE]
