"""`[correlator]` of luytre.toml: rules, lateness, pace."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sensors.config import Config, NodeTable, Table

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class CorrelatorTable(Table, frozen=True, kw_only=True):
    rules: tuple[str, ...] = ()  # files and folders; default: the shipped rules and <data>/rules
    pipelines: tuple[str, ...] = ()  # default: the shipped rules/pipelines and <data>/rules/pipelines
    url: str = ""  # the node's machine port; default: this machine's, by [api] machines
    keys: str = ""  # folder of correlator.pem, correlator.key, ca.pem; default: <data>/keys
    lateness_s: _Seconds = 300.0  # how long after an event arrived others may still join its window
    poll_s: _Seconds = 0.5
    batch: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    checkpoint_s: _Seconds = 5.0
    report_s: _Seconds = 5.0
    rules_poll_s: _Seconds = 5.0  # how often the rule files are looked at for changes
    detectors: tuple[str, ...] = ("beaconing", "silence")
    settings: dict[str, dict[str, Any]] = {}  # by detector: {beaconing = {ignore_names = ["update.example"]}}  # noqa: RUF012


def shared(name: str, share: str = "") -> Path:
    """`rules/…` where it is: the configured share, beside the code, the installed share/luytre."""
    places = [Path(share)] if share else []
    places += [Path(__file__).resolve().parents[1], Path(sys.prefix) / "share" / "luytre"]
    return next((place / name for place in places if (place / name).is_dir()), places[-1] / name)


def rule_paths(config: Config) -> list[Path]:
    node, table = config.table("node", NodeTable), config.table("correlator", CorrelatorTable)
    if table.rules:
        return [Path(path) for path in table.rules]
    own = node.root / "rules"
    return [shared("rules", node.share), *([own] if own.is_dir() else [])]


def pipeline_paths(config: Config) -> list[Path]:
    node, table = config.table("node", NodeTable), config.table("correlator", CorrelatorTable)
    if table.pipelines:
        return [Path(path) for path in table.pipelines]
    own = node.root / "rules" / "pipelines"
    return [shared("rules/pipelines", node.share), *([own] if own.is_dir() else [])]


def cache_folder(config: Config) -> Path:
    """Where `run` keeps compiled rules; others only look (engine/cache.py)."""
    return config.table("node", NodeTable).root / "cache"


def machine_url(config: Config) -> str:
    """Where hits are posted: `[correlator] url`, else the machine port of this machine's own node."""
    table = config.table("correlator", CorrelatorTable)
    if table.url:
        return table.url
    machines = config.raw.get("api", {}).get("machines", "")
    port = machines.rpartition(":")[2] if isinstance(machines, str) else ""
    return f"https://127.0.0.1:{port if port.isdigit() else 8444}"
