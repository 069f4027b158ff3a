"""`luytre rules`: test, list and check detection rules, shipped ones and one's own.

In:  files and folders; without any, the shipped rules (and the node's, with --config). Out: one line a rule or a
failed test. Exit 0 when all is well, 1 when not.
`test` runs each rule's own `tests:` through the real engine. `check` runs sigma-cli as a child, over copies in one
folder: it resolves references only within the folder it is given, and would take pipelines for rules.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from api.node.cli import language
from correlator.config import pipeline_paths, rule_paths, shared
from correlator.engine import Correlation, Engine, Rule
from correlator.engine.load import files
from correlator.engine.testing import run_tests
from sensors.config import Config
from sensors.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="luytre rules test\n\nluytre rules test ./luat-cua-toi\n\nluytre rules list\n\nluytre rules check",
)
Paths = Annotated[list[Path] | None, typer.Argument(help="tệp, thư mục luật; mặc định: luật đi kèm")]
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; luật của nút đó")]

CHECK_TIMEOUT_S = 300
# Both download lists; our own contract test compares the tags with a local copy of ATT&CK instead.
NOT_CHECKED = ("attacktag", "d3_fendtag")


def _say(vi: str, en: str) -> str:
    return vi if language() == "vi" else en


def _places(paths: list[Path] | None, config: Path | None) -> tuple[list[Path], list[Path]]:
    """(rules, pipelines). A correlation of one's own may refer to a shipped rule by loading both."""
    missing = [path for path in paths or () if not path.exists()]
    if missing:
        print(_say(f"không có {missing[0]}", f"no {missing[0]}"), file=sys.stderr)
        raise typer.Exit(EXIT_USAGE)
    if config is not None:
        loaded = Config(config)
        return paths or rule_paths(loaded), pipeline_paths(loaded)
    return paths or [shared("rules")], [shared("rules/pipelines")]


@app.command()
def test(paths: Paths = None, config: At = None) -> None:  # noqa: PT028
    """Chạy các phép thử nằm trong từng luật qua bộ máy thật."""
    rules, pipelines = _places(paths, config)
    outcomes = run_tests(rules, pipelines)
    bad = [one for one in outcomes if not one.ok]
    for one in bad:
        got = one.reason or _say(f"cần {one.wanted}, được {one.got}", f"wanted {one.wanted}, got {one.got}")
        print(f"{one.path}:{one.line}: {one.title}: {one.name or '-'}: {got}")
    told = len({one.rule_id for one in outcomes})
    print(_say(f"{told} luật, {len(outcomes)} phép thử, {len(bad)} không đạt",
               f"{told} rules, {len(outcomes)} tests, {len(bad)} failed"))  # fmt: skip
    raise typer.Exit(EXIT_FAILED if bad or not outcomes else EXIT_OK)


@app.command("list")
def listing(paths: Paths = None, config: At = None) -> None:
    """Liệt kê luật đang chạy và luật bị từ chối kèm lý do."""
    rules, pipelines = _places(paths, config)
    engine = Engine.load(rules, pipelines)
    count: Counter[str] = Counter()
    found: list[Rule | Correlation] = [*engine.rules, *engine.correlations]
    for rule in sorted(found, key=lambda rule: (rule.about.path, rule.about.line)):
        about = rule.about
        count["silent" if rule.silent else "told"] += 1
        level = _say("(đếm)", "(counted)") if rule.silent else about.level
        print(f"{about.id}  {level:<13} {about.titles.get(language()) or about.title}")
    for refused in engine.refused:
        print(f"{refused.path}:{refused.line}: {refused.code}: {refused.reason}", file=sys.stderr)
    told, silent, no = count["told"], count["silent"], len(engine.refused)
    print(_say(f"{told} luật, {silent} luật chỉ để đếm, {no} bị từ chối",
               f"{told} rules, {silent} only counted by others, {no} refused"))  # fmt: skip
    raise typer.Exit(EXIT_FAILED if engine.refused else EXIT_OK)


@app.command()
def check(paths: Paths = None, config: At = None) -> None:
    """Kiểm tra luật theo chuẩn Sigma bằng sigma-cli."""
    rules, _ = _places(paths, config)
    sigma = shutil.which("sigma", path=str(Path(sys.executable).parent)) or shutil.which("sigma")
    if sigma is None:
        print(_say("chưa có sigma-cli: pip install sigma-cli", "sigma-cli is missing: pip install sigma-cli"),
              file=sys.stderr)  # fmt: skip
        raise typer.Exit(EXIT_FAILED)
    with tempfile.TemporaryDirectory(prefix="luytre-rules-") as stage:
        copies = {_copy(file, number, Path(stage)): file for number, file in enumerate(files(rules))}
        command = [sigma, "check", "--fail-on-issues", "--file-pattern=*.y*ml", stage]
        command += [f"--exclude={name}" for name in NOT_CHECKED]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            print(_say(f"sigma-cli không xong trong {CHECK_TIMEOUT_S} giây", f"sigma-cli: {CHECK_TIMEOUT_S} s passed"),
                  file=sys.stderr)  # fmt: skip
            raise typer.Exit(EXIT_FAILED) from None
    shown = done.stdout + done.stderr
    for copy, file in copies.items():
        shown = shown.replace(str(copy), str(file)).replace(str(copy.resolve()), str(file))
    print(shown.strip())
    raise typer.Exit(EXIT_OK if done.returncode == 0 and copies else EXIT_FAILED)


def _copy(file: Path, number: int, stage: Path) -> Path:
    folder = stage / f"{number:05}"  # two folders may hold files of one name, and sigma-cli judges the name
    folder.mkdir()
    copy = folder / file.name
    copy.write_bytes(file.read_bytes())
    return copy
