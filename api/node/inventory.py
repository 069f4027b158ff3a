"""`luytre inventory`: systems and assets as CSV, in and out, on a node that runs or one that does not."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.inventory.table import FILE_BYTES
from api.node.cli import language
from api.node.users import act
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_USAGE, LuytreError, Problem

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="luytre inventory import systems he-thong.csv\n\nluytre inventory import systems he-thong.csv --apply\n\n"
    "luytre inventory export assets > tai-san.csv",
)
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; mặc định: LUYTRE_CONFIG")]
Of = Annotated[str, typer.Argument(help="systems | assets")]
Agency = Annotated[str, typer.Option(help="đơn vị của các dòng không ghi đơn vị; mặc định: đơn vị của nút")]
EXIT_WRONG = 1


@app.command("import")
def import_table(
    of: Of,
    file: Path,
    apply: Annotated[bool, typer.Option("--apply", help="ghi; không có thì chỉ xem trước")] = False,
    agency: Agency = "",
    config: At = None,
) -> None:
    """Nhập từ CSV: xem trước, hoặc ghi tất cả trong một giao dịch (--apply)."""
    loaded = Config(config)
    content = sys.stdin.buffer.read(FILE_BYTES + 1) if str(file) == "-" else _read(file)
    with _between(loaded, content) as path:
        plan = act(loaded, "inventory-import", of=_known(of), file=path.name, agency=agency, apply=apply)
    vi = language() == "vi"
    for wrong in plan["wrong"]:
        place = f"dòng {wrong['row']}" if vi else f"row {wrong['row']}"
        print(f"{place}, {wrong['column'] or '-'}: {wrong['vi' if vi else 'en']}", file=sys.stderr)
    if plan["wrong_total"]:
        told = f"{plan['wrong_total']} lỗi; chưa ghi gì" if vi else f"{plan['wrong_total']} wrong; nothing written"
        print(told, file=sys.stderr)
        raise SystemExit(EXIT_WRONG)
    done = ("đã ghi" if vi else "written") if plan["applied"] else ("xem trước" if vi else "preview")
    words = ("mới", "thay đổi", "giữ nguyên") if vi else ("new", "changed", "unchanged")
    sums = ", ".join(
        f"{plan[key]} {word}" for key, word in zip(("new", "changed", "unchanged"), words, strict=True)
    )  # fmt: skip
    print(f"{done}: {sums}")


@app.command("export")
def export_table(of: Of, agency: Agency = "", config: At = None) -> None:
    """Xuất CSV (UTF-8 có BOM) ra stdout."""
    loaded = Config(config)
    with _between(loaded, b"") as path:
        act(loaded, "inventory-export", of=_known(of), file=path.name, agency=agency, language=language())
        sys.stdout.buffer.write(path.read_bytes())


def _known(of: str) -> str:
    if of not in ("systems", "assets"):
        print("systems | assets", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    return of


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_BYTES + 1)
    except OSError as error:
        raise LuytreError(
            Problem("LT-I0103", f"không đọc được `{file}`: {error.strerror}", f"cannot read `{file}`: {error.strerror}")
        ) from None


@contextmanager
def _between(config: Config, content: bytes) -> Iterator[Path]:
    """A file of ours in the node's `run` folder while the act works on it."""
    folder = config.table("node", NodeTable).root / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"inventory-{secrets.token_hex(8)}.csv"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        yield path
    finally:
        path.unlink(missing_ok=True)
