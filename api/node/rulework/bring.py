"""`luytre rules import SOURCE --name sigmahq`: rules of others into this node, from a folder, a checkout or a zip here.

In:  a path; nothing is fetched. Out: `<data>/rules/imported/<name>/` (imported.py), and what is new, changed, gone,
refused by the engine with the reason, and unrouted (no pipeline knows the log source: the rule waits for data that
cannot come). `--preview` writes nothing. A running correlator takes the rules up within seconds.
Exit 0 when the set is in place (refused rules are told, not fatal), 1 when nothing could be imported.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.node.rulework import imported
from api.node.rulework.gather import Gathered, gather
from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Missing, exist, needed, say, tell
from correlator.config import pipeline_paths, rule_paths
from correlator.engine import Engine
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_OK, Problem

SHOWN = 20


def command(
    source: Annotated[Path, typer.Argument(help="thư mục, bản git hoặc zip / folder, checkout, zip")],
    name: Annotated[str, typer.Option(help="tên bộ luật / the set's name, a-z 0-9 - _ .")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="chỉ xem trước / write nothing")] = False,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Nhập một bộ luật (SigmaHQ…) từ thư mục, bản git hoặc zip có sẵn trên máy."""
    exist(source)
    loaded = needed(config)
    called = name or source.resolve().stem.lower().replace(" ", "-")
    if not imported.NAME.match(called) or ".." in called:
        raise Missing(Problem("LT-R0311", f"`{called[:64]}` không dùng làm tên bộ luật được",
                              f"`{called[:64]}` cannot name a set of rules", hints=("--name sigmahq",)))  # fmt: skip
    folder = loaded.table("node", NodeTable).root / "rules" / "imported" / called
    found = gather(source)
    change = imported.compare(folder, found)
    told = _judge(loaded, folder, found)
    if not preview:
        imported.write(folder, found, str(source.resolve()), datetime.now(UTC).isoformat(timespec="seconds"))
    body: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION, "name": called, "version": found.version, "written": not preview,
        "files": len(found.rules), "new": change.new, "changed": change.changed, "gone": change.gone,
        "unchanged": change.unchanged, "touched": change.touched, "passed_over": found.passed, **told,
    }  # fmt: skip
    tell(json.dumps(body, ensure_ascii=False) if as_json else "\n".join(_shown(body, folder)))
    if not any(folder.is_relative_to(place) for place in rule_paths(loaded)) and not preview:
        tell(
            say(
                "[correlator] rules trong luytre.toml không gồm thư mục này: bộ luật chưa được chạy",
                "[correlator] rules in luytre.toml leaves this folder out: the set does not run",
            ),
            err=True,
        )
    if not as_json:
        for one in told["refused"]:
            tell(f"{one['path']}:{one['line']}: {one['code']}: {one['reason']}", err=True)
        for path, why in found.passed.items():
            tell(f"{path}:{why}", err=True)
    raise typer.Exit(EXIT_OK)


def _judge(config: Config, folder: Path, found: Gathered) -> dict[str, Any]:
    """What the engine says of them beside the rules that stay: an id may be taken there, a correlation's rule found."""
    with tempfile.TemporaryDirectory(prefix="luytre-rules-") as stage:
        inside = Path(stage) / folder.name
        for name, taken in found.rules.items():
            (inside / name).parent.mkdir(parents=True, exist_ok=True)
            (inside / name).write_bytes(taken.data)
        others = [path for path in _others(rule_paths(config), folder, Path(stage)) if path.exists()]
        engine = Engine.load([*others, inside], pipeline_paths(config))
        prefix = str(inside) + "/"

        def place(path: str) -> str:
            return path.removeprefix(prefix)

        rules = [one for one in engine.rules if one.about.path.startswith(prefix)]
        made = [one for one in engine.correlations if one.about.path.startswith(prefix)]
        about = [one.about for one in rules] + [one.about for one in made]
        refused = [{**one._asdict(), "path": place(one.path)} for one in engine.refused if one.path.startswith(prefix)]
        waiting = [{**one._asdict(), "path": place(one.path)} for one in engine.waiting if one.path.startswith(prefix)]
        unrouted = Counter(str(one.logsource) for one in engine.unrouted if one.about.path.startswith(prefix))
    return {
        "rules": len(rules) + len(made), "refused": refused, "waiting": waiting,
        "unrouted": dict(unrouted.most_common()),
        "levels": dict(Counter(one.level for one in about)),
    }  # fmt: skip


def _others(places: list[Path], folder: Path, stage: Path) -> list[Path]:
    """The rule places without the set that is replaced: the node's own folder, as links to all else."""
    if not folder.exists():
        return places
    kept = []
    for number, place in enumerate(places):
        if folder.is_relative_to(place):
            copy = stage / f"others-{number}"
            shutil.copytree(place, copy, ignore=lambda at, names: [folder.name] if Path(at) == folder.parent else [])
            kept.append(copy)
        else:
            kept.append(place)
    return kept


def _shown(body: dict[str, Any], folder: Path) -> list[str]:
    lines = []
    version = f" ({body['version'][:12]})" if body["version"] else ""
    done = say("đã nhập", "imported") if body["written"] else say("xem trước", "preview")
    lines.append(say(f"{done}: {body['rules']} luật trong {body['files']} tệp{version} → {folder}",
                     f"{done}: {body['rules']} rules in {body['files']} files{version} → {folder}"))  # fmt: skip
    lines.append(say(
        f"{len(body['new'])} tệp mới, {len(body['changed'])} thay đổi, {len(body['gone'])} không còn, "
        f"{body['unchanged']} giữ nguyên; {len(body['refused'])} luật bị từ chối",
        f"{len(body['new'])} files new, {len(body['changed'])} changed, {len(body['gone'])} gone, "
        f"{body['unchanged']} unchanged; {len(body['refused'])} rules refused",
    ))  # fmt: skip
    for mark, key in (("~", "changed"), ("-", "gone")):
        lines += [f"  {mark} {path}" for path in body[key][:SHOWN]]
        lines += [f"  {mark} … {len(body[key]) - SHOWN}"] if len(body[key]) > SHOWN else []
    if body["touched"]:
        lines.append(say(f"{len(body['touched'])} tệp đã bị sửa tay từ lần nhập trước, nay thay bằng bản mới: "
                         f"{', '.join(body['touched'][:5])}",
                         f"{len(body['touched'])} files were changed by hand since, and are replaced: "
                         f"{', '.join(body['touched'][:5])}"))  # fmt: skip
    if body["waiting"]:
        count = len(body["waiting"])
        needs = ", ".join(sorted({one for rule in body["waiting"] for one in rule["needs"]}))
        lines.append(say(f"{count} luật chờ giá trị của đơn vị cho: {needs}",
                         f"{count} rules wait for this agency's values of: {needs}"))  # fmt: skip
    if body["unrouted"]:
        total = sum(body["unrouted"].values())
        lines.append(
            say(f"{total} luật chưa có nguồn dữ liệu nào khớp:", f"{total} rules whose log source is unknown:")
        )
        lines += [f"  {count:>6}  {source}" for source, count in list(body["unrouted"].items())[:SHOWN]]
    return lines
