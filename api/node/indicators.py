"""`luytre indicators`: lists of bad addresses, names, hashes and URLs; taken in, tried, looked for backwards.

Exit 0; 1 when nothing could be taken, or a value that was tried is not listed; 3 when something was left out (refused,
not recognised, not supported): it is told on stderr with its line.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from api.node.cli import language
from api.node.users import act, visible
from correlator.indicators.formats import FILE_LIMIT_BYTES
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_DEGRADED, LuytreError, Problem

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="luytre indicators import cong-van-123.csv --name 'Công văn 123'\n\n"
    "luytre indicators import cong-van-123.csv --name 'Công văn 123' --apply\n\n"
    "luytre indicators test 203.0.113.7\n\nluytre indicators hunt --name 'Công văn 123' --days 90",
)
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; mặc định: LUYTRE_CONFIG")]
Name = Annotated[str, typer.Option(help="tên nguồn / the source's name")]
Agency = Annotated[str, typer.Option(help="đơn vị; mặc định: đơn vị của nút / the node's own")]
ForAll = Annotated[bool, typer.Option("--for-all", help="cho mọi đơn vị của nút / for all agencies of the node")]
AsJson = Annotated[bool, typer.Option("--json")]
EXIT_NOTHING = 1
SCHEMA_VERSION = 1
WAIT_S = 2.0
LONG_S = 1800.0  # a million rows are written by blocks, between which casework goes on
TOLD = 20  # lines that were left out; all that the node tells are in --json


def say(vi: str, en: str) -> str:
    return vi if language() == "vi" else en


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="tệp, hoặc - : danh sách, CSV, STIX, MISP")],
    name: Name,
    apply: Annotated[bool, typer.Option("--apply", help="ghi; không có thì chỉ xem trước")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="bỏ những gì nguồn này không còn nêu")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="nhận cả những dòng cần người xác nhận")] = False,
    tlp: Annotated[str, typer.Option(help="clear | green | amber | amber+strict | red")] = "amber",
    confidence: Annotated[int | None, typer.Option(help="0–100", min=0, max=100)] = None,
    days: Annotated[int, typer.Option(help="còn hiệu lực bao nhiêu ngày", min=1, max=3650)] = 365,
    of: Annotated[str, typer.Option("--format", help="list | csv | stix | misp; mặc định: tự nhận")] = "",
    agency: Agency = "",
    for_all: ForAll = False,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Nhập một danh sách chỉ dấu: xem trước, hoặc ghi (--apply)."""
    loaded = Config(config)
    with _between(loaded, file) as path:
        plan = act(loaded, "indicators-import", timeout_s=LONG_S, file=path.name, name=name, apply=apply,
                   replace=replace, yes_to_all=yes, tlp=tlp, confidence=confidence, days=days, format=of, agency=agency,
                   for_all=for_all)  # fmt: skip
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, **plan}, ensure_ascii=False))
    else:
        _tell(plan)
    counts = plan["counts"]
    if plan["stopped"] or not sum(counts.get(state, 0) for state in ("new", "known", "elsewhere")):
        raise typer.Exit(EXIT_NOTHING)
    if any(counts.get(state, 0) for state in ("refused", "asked", "wrong", "passed", "ended")):
        raise typer.Exit(EXIT_DEGRADED)


_STATES = {
    "new": ("mới", "new"), "known": ("đã có", "known"), "elsewhere": ("nguồn khác đã nêu", "known by other sources"),
    "asked": ("cần người xác nhận", "need a person's yes"), "refused": ("không nhận", "refused"),
    "wrong": ("không nhận ra", "not recognised"), "ended": ("đã hết hạn", "ended"), "passed": ("bỏ qua", "passed over"),
}  # fmt: skip


def _tell(plan: dict[str, Any]) -> None:
    left = sorted(plan["lines"], key=lambda line: int(line["line"]))
    for line in [] if plan["stopped"] else left[:TOLD]:
        state, number = say(*_STATES[line["state"]]), line["line"]
        objects = plan["format"] in ("stix", "misp")  # they have no lines that anybody counts
        place = say(f"mục {number}", f"object {number}") if objects else say(f"dòng {number}", f"line {number}")
        print(f"{place}: {state}: {visible(line['value'][:100])}: {line[language()]}", file=sys.stderr)
    if plan["stopped"]:
        print(visible(say(*plan["stopped"])), file=sys.stderr)
    elif left[TOLD:]:
        print(say("… các dòng còn lại: --json", "… for the other lines: --json"), file=sys.stderr)
    sums = ", ".join(f"{plan['counts'][state]} {say(*words)}" for state, words in _STATES.items()
                     if plan["counts"].get(state))  # fmt: skip
    done = say("đã ghi", "written") if plan["applied"] else say("xem trước", "preview")
    print(f"{done} ({plan['format']}): {sums or 0}")
    if not plan["applied"] and any(plan["counts"].get(state) for state in ("new", "known", "elsewhere")):
        print(say("Chưa ghi gì. Để ghi: thêm --apply", "Nothing is written. To write: add --apply"), file=sys.stderr)
    if plan["removed"]:
        print(say(f"bỏ {plan['removed']} chỉ dấu mà nguồn không còn nêu", f"{plan['removed']} no longer said, removed"))


@app.command("list")
def list_sources(as_json: AsJson = False, config: At = None) -> None:
    """Các nguồn chỉ dấu của nút."""
    sources = act(Config(config), "indicators-list")["sources"]
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, "sources": sources}, ensure_ascii=False))
        return
    for one in sources:
        print(f"{one['count']:>9}  {one['agency'] or '*':<20}  TLP:{one['tlp'].upper():<13}  {visible(one['name'])}")
    if not sources:
        print(say("Chưa có nguồn nào. Thử: luytre indicators import TỆP --name TÊN",
                  "No source yet. Try: luytre indicators import FILE --name NAME"))  # fmt: skip


@app.command("test")
@app.command("show")
def try_value(value: str, as_json: AsJson = False, config: At = None) -> None:
    """Giá trị này có trong danh sách nào, đã gặp bao nhiêu lần."""
    found = act(Config(config), "indicators-test", value=value)
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, **found}, ensure_ascii=False))
    else:
        _show(found, value)
    raise typer.Exit(0 if found["items"] else EXIT_NOTHING)


def _show(found: dict[str, Any], value: str) -> None:
    if found["caution"]:
        reason = found["caution"]["reason"]
        print(say(f"Lưu ý: {reason['vi']}", f"Note: {reason['en']}"))
    for one in found["items"]:
        seen = say(f"đã gặp {one['seen']} lần", f"met {one['seen']} times")
        last = f" ({one['last_seen']})" if one["last_seen"] else ""
        ended = say(", đã hết hạn", ", ended") if one["ended"] else ""
        told = f"{one['source_name']}  TLP:{one['tlp'].upper()}{ended}: {seen}{last}"
        print(f"{one['kind']:<8} {visible(one['value'])}  {told}")
    if not found["items"]:
        print(say(f"Không có “{value}” trong danh sách nào.", f"“{value}” is in no list."))


@app.command()
def remove(name: Name, agency: Agency = "", for_all: ForAll = False, config: At = None) -> None:
    """Bỏ một nguồn với mọi chỉ dấu của nó."""
    done = act(Config(config), "indicators-remove", name=name, agency=agency, for_all=for_all)
    print(say(f"đã bỏ {done['removed']} chỉ dấu", f"{done['removed']} indicators removed"))


@app.command()
def hunt(
    values: Annotated[list[str] | None, typer.Argument(help="các giá trị; hoặc --name")] = None,
    name: Name = "",
    days: Annotated[int, typer.Option(min=1, max=400)] = 30,
    agency: Agency = "",
    wait: Annotated[bool, typer.Option("--wait", help="chờ tới khi xong / until it is done")] = False,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Rà soát ngược các sự kiện đã lưu; nút làm ở nền."""
    loaded = Config(config)
    found = act(loaded, "indicators-hunt", values=values or [], name=name, days=days, agency=agency)
    while wait and found["state"] in ("waiting", "running"):
        time.sleep(WAIT_S)
        found = act(loaded, "indicators-hunt", id=found["id"])
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, **found}, ensure_ascii=False))
        return
    number = found["id"]
    if not wait:
        print(
            say(f"Lượt rà soát {number} đã nhận; xem ở màn hình Chỉ dấu.", f"Sweep {number} is taken; see Indicators.")
        )
        return
    for one in found["found"]:
        hosts = ", ".join(list(one["hosts"])[:5])
        print(f"{one['count']:>7}  {visible(one['value'])}  {one['first']} … {one['last']}  {visible(hosts)}")
    print(say(f"{found['found_total']} chỉ dấu đã gặp; đọc {found['events']} sự kiện",
              f"{found['found_total']} indicators met; {found['events']} events read"))  # fmt: skip


@contextmanager
def _between(config: Config, file: Path) -> Iterator[Path]:
    """A file of ours in the node's `run` folder while the act works on it."""
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(FILE_LIMIT_BYTES + 1)
        else:
            with file.open("rb") as given:
                content = given.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise LuytreError(Problem("LT-I0205", f"không đọc được `{file}`: {error.strerror}",
                                  f"cannot read `{file}`: {error.strerror}")) from None  # fmt: skip
    folder = config.table("node", NodeTable).root / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"indicators-{secrets.token_hex(8)}.list"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        yield path
    finally:
        path.unlink(missing_ok=True)
