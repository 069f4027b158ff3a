"""`luytre clocks`: the rules of reporting deadlines as a file that an editor opens.

In:  a TOML file like api/clocks/rules.toml. Out: how many versions were added; or the rules of this node, on stdout.
On a node with a centre above, the rules come from there and are not imported.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from api.node.cli import language
from api.node.users import At, act
from sensors.config import Config
from sensors.errors import Hint, LuytreError, Place, Problem

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True,
    help="luytre clocks export > thoi-han.toml\n\nluytre clocks check thoi-han.toml\n\n"
         'luytre clocks import thoi-han.toml --note "Thông tư mới"',
)  # fmt: skip
FILE_BYTES = 4 * 1024 * 1024


@app.command()
def export(config: At = None) -> None:
    """Phiên bản mới nhất của mỗi quy định, ra TOML; nhập lại không làm thay đổi gì."""
    from api.clocks import exchange
    from api.clocks.rules import Rule

    loaded, found, after = Config(config), [], ""
    while True:
        page = act(loaded, "clock-rules", after=after)
        found += [Rule.model_validate(one) for one in page["rules"]]
        if page["next"] is None:
            break
        after = page["next"]
    print(exchange.written(found), end="")


@app.command()
def check(file: Path) -> None:
    """Kiểm tra tệp, không thay đổi gì."""
    count = len(_read(file))
    print(f"{count} quy định: đạt" if language() == "vi" else f"{count} rules: sound", file=sys.stderr)


@app.command("import")
def import_rules(
    file: Path,
    note: Annotated[str, typer.Option(help="lý do thay đổi / why")] = "",
    config: At = None,
) -> None:
    """Nhập quy định: mỗi quy định khác bản đang có thành một phiên bản mới."""
    from api.clocks.local import PAGE
    from api.federation.config import settings

    loaded = Config(config)
    if settings(loaded).upstream:
        raise LuytreError(Problem(
            "LT-N0702", "nút có trung tâm cấp trên: quy định về thời hạn do trung tâm gửi xuống",
            "this node has a centre above it, which sends the rules of deadlines down",
            hints=(Hint("đề nghị trung tâm sửa quy định; xem: luytre clocks export",
                        "ask the centre to change them; see: luytre clocks export"),),
        ))  # fmt: skip
    given, added = _read(file), 0
    for start in range(0, len(given), PAGE):
        added += act(loaded, "clock-rules-import", rules=given[start : start + PAGE], note=note)["added"]
    said = f"{len(given)} quy định, {added} phiên bản mới" if language() == "vi" else f"{added} new versions"
    print(said, file=sys.stderr)


def _read(file: Path) -> list[dict[str, Any]]:
    from api.clocks import rules

    try:
        with file.open("rb") as opened:
            text = opened.read(FILE_BYTES + 1)
        if len(text) > FILE_BYTES:
            raise ValueError(f"over {FILE_BYTES} bytes")
        found = rules.parse(text.decode("utf-8-sig"))
    except (OSError, ValueError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        said = str(error)[:500]
        raise LuytreError(
            Problem("LT-N0701", f"tệp quy định không hợp lệ: {said}", f"not a file of rules: {said}", Place(str(file)))
        ) from None
    return [rule.model_dump(mode="json") for rule in found]
