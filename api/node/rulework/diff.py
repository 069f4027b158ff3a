"""`luytre rules diff OLD [NEW]`: what changes between two sets of rules, by rule id, not by file.

In:  two folders or files; without NEW, the node's rules; without either, what this node has against what is shipped.
Out: added, removed, and changed rules with what changed: level, log source, detection (compared as conditions, so that
spelling and order of keys do not count), correlation, title, status, file. Exit 0, or 1 with --fail when there is any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, exist, places, say, tell
from correlator.config import shared
from correlator.engine import Correlation, Engine, Rule
from sensors.errors import EXIT_FAILED, EXIT_OK

MARKS = {"added": "+", "removed": "-", "changed": "~"}


def command(
    old: Annotated[Path | None, typer.Argument(help="bộ luật cũ; mặc định: luật đi kèm / the shipped rules")] = None,
    new: Annotated[Path | None, typer.Argument(help="bộ luật mới; mặc định: luật của nút / the node's")] = None,
    fail: Annotated[bool, typer.Option("--fail", help="mã thoát 1 nếu có khác biệt")] = False,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """So hai bộ luật theo mã: thêm, bớt, đổi điều kiện hoặc mức."""
    mine, pipelines = places(None, config)
    exist(*(path for path in (old, new) if path is not None))
    before = _load([old or shared("rules")], pipelines)
    after = _load([new] if new is not None else mine, pipelines)
    rows = changes(before, after)
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, "changes": rows}, ensure_ascii=False))
    else:
        for row in rows:
            what = "; ".join(f"{key}: {pair[0]} → {pair[1]}" if pair[0] or pair[1] else key
                             for key, pair in row["what"].items())  # fmt: skip
            tell(
                f"{MARKS[row['change']]} {row['id']}  {row['level']:<13} {row['title']}"
                + (f"  ({what})" if what else "")
            )
        counts = {name: sum(row["change"] == name for row in rows) for name in MARKS}
        tell(say(f"{counts['added']} thêm, {counts['removed']} bớt, {counts['changed']} thay đổi",
                  f"{counts['added']} added, {counts['removed']} removed, {counts['changed']} changed"))  # fmt: skip
    raise typer.Exit(EXIT_FAILED if rows and fail else EXIT_OK)


def changes(before: Mapping[str, Rule | Correlation], after: Mapping[str, Rule | Correlation]) -> list[dict[str, Any]]:
    rows = []
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        what = _what(one, other) if one is not None and other is not None else {}
        if one is not None and other is not None and not what:
            continue
        about = (other or one).about  # type: ignore[union-attr]
        rows.append({
            "change": "added" if one is None else "removed" if other is None else "changed", "id": key,
            "title": about.title, "level": about.level, "path": about.path, "what": what,
        })  # fmt: skip
    return sorted(rows, key=lambda row: (list(MARKS).index(row["change"]), row["path"]))


def _what(one: Rule | Correlation, other: Rule | Correlation) -> dict[str, tuple[str, str]]:
    """What → (before, after); long things are only named."""
    pairs: dict[str, tuple[Any, Any]] = {
        name: (getattr(one.about, name), getattr(other.about, name)) for name in ("level", "status", "title")
    }
    if isinstance(one, Rule) and isinstance(other, Rule):
        pairs["logsource"] = (str(one.logsource), str(other.logsource))
        pairs["detection"] = (one.condition, other.condition)
    elif isinstance(one, Correlation) and isinstance(other, Correlation):
        pairs["correlation"] = (_counted(one), _counted(other))
    else:
        pairs["kind"] = (type(one).__name__.lower(), type(other).__name__.lower())
    pairs["tags"] = (", ".join(sorted(one.about.tags)), ", ".join(sorted(other.about.tags)))
    return {name: ("", "") if name in ("detection", "correlation") else (str(pair[0]), str(pair[1]))
            for name, pair in pairs.items() if pair[0] != pair[1]}  # fmt: skip


def _counted(made: Correlation) -> str:
    """What it counts, without its words."""
    return repr([(name, getattr(made, name)) for name in made.__dataclass_fields__ if name not in ("about", "silent")])


def _load(paths: list[Path], pipelines: list[Path]) -> dict[str, Rule | Correlation]:
    engine = Engine.load(paths, pipelines)
    found: dict[str, Rule | Correlation] = {one.id: one for one in engine.rules}
    return found | {one.id: one for one in engine.correlations}
