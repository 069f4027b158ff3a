"""`luytre config`: is luytre.toml right, what does a key mean, what would a restart change.

check    every problem of every table at once, as the programs will tell them; exit 78
explain  a key's meaning, type, default, and where it is set (file, environment, default)
diff     what the running processes started with, against the files of now
Values of keys that may be secrets are nobody's business on a screen: none is, secrets are files.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.node.checks._machine import is_alive
from api.node.cli import language
from api.node.users import At
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_FAILED, EXIT_USAGE, guess

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="luytre config check\n\nluytre config explain store.days\n\nluytre config diff",
)
FILE_BYTES = 4 * 1024 * 1024


@app.command("check")
def check_command(config: At = None) -> None:
    """Mọi lỗi của cấu hình cùng một lúc / every problem at once. Exit 78."""
    from api.node.check import check

    loaded = Config(config, refuse=False)
    check(loaded)
    files = ", ".join(map(str, loaded.files))
    print(f"{files}: {'không lỗi' if language() == 'vi' else 'no problem'}")


@app.command()
def explain(key: str, config: At = None) -> None:
    """Ý nghĩa, kiểu, mặc định, đang đặt ở đâu / meaning, type, default, where it is set."""
    from api.node.config_keys import TABLES, keys

    vi = language() == "vi"
    known = keys()
    meant = [key] if key in known else [path for path in known if path.startswith(key + ".")]
    meant = meant or [path for path in known if path.endswith("." + key)]
    if not meant:
        close = guess(key, known)
        print(
            (f"không có khóa `{key}`" if vi else f"no key `{key}`") + (f"; {close}?" if close else ""), file=sys.stderr
        )
        raise SystemExit(EXIT_USAGE)
    loaded = _loaded(config)
    for path in meant:
        one = known[path]
        print(f"{path}  {one.kind}")
        if one.about:
            print(f"  {one.about.of(language())}")
        default = ("bắt buộc" if vi else "required") if one.required else one.default
        print(f"  {'mặc định' if vi else 'default'}: {default}")
        if loaded is not None:
            table, _, name = path.partition(".")
            variable = f"LUYTRE_{table}_{name}".upper()
            place = loaded.place(path)
            unset = "chưa đặt, dùng mặc định" if vi else "not set, the default holds"
            said = variable if "." not in name and variable in os.environ and table in TABLES else str(place or unset)
            print(f"  {'đặt ở' if vi else 'set in'}: {said}")


@app.command()
def diff(
    as_json: Annotated[bool, typer.Option("--json")] = False,
    config: At = None,
) -> None:
    """Khởi động lại sẽ đổi gì / what a restart would change. Exit 1: something."""
    loaded = Config(config)
    data = loaded.table("node", NodeTable).root
    found, ran = [], 0
    for path in sorted((data / "run" / "config").glob("*.json"))[:100]:
        try:
            kept = json.loads(path.read_bytes()[:FILE_BYTES])
        except (OSError, ValueError):
            continue
        if not isinstance(kept, dict) or not is_alive(kept.get("pid")):
            continue
        ran += 1
        found += [(path.stem, *change) for change in changes(kept.get("tables", {}), loaded.raw)]
    if as_json:
        rows = [{"process": name, "key": key, "running": old, "file": new} for name, key, old, new in found]
        print(json.dumps({"schema_version": 1, "running": ran, "changes": rows}, ensure_ascii=False))
    else:
        _tell(found, ran)
    raise SystemExit(EXIT_FAILED if found else 0)


def _tell(found: list[tuple[str, str, Any, Any]], ran: int) -> None:
    vi = language() == "vi"
    by: dict[tuple[str, str, str], list[str]] = {}
    for name, key, old, new in found:
        by.setdefault((key, _said(old), _said(new)), []).append(name)
    for (key, old, new), names in by.items():
        print(f"{key}: {old} → {new}   ({', '.join(names)})")
    if not ran:
        print("không tiến trình nào đang chạy" if vi else "no process is running")
    elif not found:
        print("không khác: khởi động lại không đổi gì" if vi else "no difference: a restart would change nothing")


def changes(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(key path, before, after) of what differs; None where it is not set."""
    for key in dict.fromkeys([*old, *new]):
        where = f"{path}.{key}" if path else key
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from changes(before, after, where)
        elif before != after:
            yield where, before, after


def _said(value: Any) -> str:
    return "–" if value is None else json.dumps(value, ensure_ascii=False)[:200]


def _loaded(path: Path | None) -> Config | None:
    from sensors.errors import ConfigError

    try:
        return Config(path, refuse=False)
    except ConfigError:
        return None
