"""What every sub-command of `luytre rules` shares: where rules lie, how it speaks.

Without paths: the rules of the node that --config or LUYTRE_CONFIG names; without one, the shipped rules.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from api.node.cli import language
from correlator.backtest.choose import Unknown
from correlator.config import cache_folder, pipeline_paths, rule_paths, shared
from correlator.engine.cache import Cache
from sensors.config import Config
from sensors.errors import EXIT_USAGE, Hint, LuytreError, Place, Problem, guess

Paths = Annotated[list[Path] | None, typer.Argument(help="tệp, thư mục luật; mặc định: luật đi kèm")]
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; luật của nút đó")]
AsJson = Annotated[bool, typer.Option("--json", help="cho máy đọc / for programs")]
SCHEMA_VERSION = 1
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def tell(text: str, *, err: bool = False) -> None:
    """Print what may quote a rule or an event: whose words must not drive the terminal."""
    print(_CONTROL.sub("\ufffd", text), file=sys.stderr if err else sys.stdout)


def of_others(path: str) -> bool:
    """A rule that was imported: its makers decide about it."""
    return "imported" in Path(path).parts


def say(vi: str, en: str) -> str:
    return vi if language() == "vi" else en


class Missing(LuytreError):
    """A path that is not there: the command was given a wrong word."""

    exit_code = EXIT_USAGE


def places(paths: list[Path] | None, config: Path | None) -> tuple[list[Path], list[Path]]:
    """(rules, pipelines). A correlation of one's own may refer to a shipped rule by loading both."""
    exist(*(paths or ()))
    loaded = node(config)
    if loaded is not None:
        return paths or rule_paths(loaded), pipeline_paths(loaded)
    return paths or [shared("rules")], [shared("rules/pipelines")]


def exist(*paths: Path) -> None:
    for path in paths:
        if not path.exists():
            raise Missing(Problem("LT-R0301", f"không có {path}", f"no {path}", Place(str(path))))


def node(config: Path | None) -> Config | None:
    """The node whose rules are meant, if there is one: --config, else LUYTRE_CONFIG."""
    return Config(config) if config is not None or os.environ.get("LUYTRE_CONFIG") else None


def known(config: Config | None) -> Cache | None:
    """The compiled rules that the node's correlator keeps: looked at, never written."""
    return Cache(cache_folder(config), write=False) if config is not None else None


def needed(config: Path | None) -> Config:
    """The node, for what makes no sense without one."""
    found = node(config)
    if found is None:
        raise Missing(Problem(
            "LT-R0302", "lệnh này cần một nút: kho sự kiện hay luật của nút đó",
            "this needs a node: its stored events, or its own rules",
            hints=(Hint("nói rõ nút: --config ĐƯỜNG-DẪN/luytre.toml, hoặc LUYTRE_CONFIG",
                        "name the node: --config PATH/luytre.toml, or LUYTRE_CONFIG"),),
        ))  # fmt: skip
    return found


def unknown(missing: Unknown) -> Missing:
    """No such rule; what was wrong with a file that was named is told first."""
    for one in missing.refused:
        tell(f"{one.path}:{one.line}: {one.code}: {one.reason}", err=True)
    return no_rule(missing.wanted, missing.known)


def no_rule(wanted: str, known: Sequence[str]) -> Missing:
    meant = guess(wanted, known)
    return Missing(Problem(
        "LT-R0305", f"không có luật `{wanted}`", f"no rule `{wanted}`",
        hints=(Hint("xem các luật: luytre rules list", "see the rules: luytre rules list"),),
        label=Hint(f"có phải ý bạn là `{meant}`?", f"did you mean `{meant}`?") if meant else None,
    ))  # fmt: skip
