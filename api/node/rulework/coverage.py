"""`luytre rules coverage`: which ATT&CK techniques are really watched for here.

In:  what the running correlator says of its rules (`<data>/run/correlator.json`): tags, and when the data that a rule
reads was last seen. Out: a table of techniques, or with --json a layer for ATT&CK Navigator.
A technique counts as covered only by a rule that runs and whose data came within the last day: a rule on a log that
nobody sends covers nothing. Those without data, switched off or refused are shown as what could be.
With `--attack FILE` names and tactics of techniques, and how many there are in all.
Source: Navigator layer format 4.5 (github.com/mitre-attack/attack-navigator, layers/spec/v4.5).
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from api.health import process
from api.node.rulework import attack
from api.node.rulework.places import AsJson, At, exist, needed, say, tell
from sensors.clock import parse_rfc3339
from sensors.config import NodeTable
from sensors.errors import EXIT_OK, EXIT_UNAVAILABLE, Hint, LuytreError, Problem

DAY_S = 86_400.0
_TAG = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z", re.IGNORECASE)
COLOURS = {"covered": "#4cc38a", "blind": "#f0c36d", "off": "#b4bcc6"}


@dataclass(slots=True)
class Coverage:
    """Titles of rules by technique."""

    covered: dict[str, list[str]] = field(default_factory=dict)
    blind: dict[str, list[str]] = field(default_factory=dict)  # they run, and their data has not come for a day
    off: dict[str, list[str]] = field(default_factory=dict)  # switched off or refused


class NotSaid(LuytreError):
    """The correlator has not said anything yet."""

    exit_code = EXIT_UNAVAILABLE


def command(
    attack_file: Annotated[Path | None, typer.Option("--attack", help="ATT&CK: bó STIX hoặc JSON / bundle")] = None,
    hours: Annotated[float, typer.Option(help="dữ liệu phải có trong bao nhiêu giờ / hours", min=1, max=8760)] = 24,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Kỹ thuật ATT&CK thật sự được giám sát: chỉ tính luật có dữ liệu trong ngày qua."""
    loaded = needed(config)
    said = process(loaded.table("node", NodeTable).root, "correlator").get("rules")
    if not isinstance(said, list) or not said:
        raise NotSaid(Problem(
            "LT-R0314", "bộ tương quan chưa báo gì: chưa biết dữ liệu nào thật sự có",
            "the correlator has said nothing yet: what data there is, is not known",
            hints=(Hint("chạy nút rồi thử lại: luytre doctor --only LT-D0601",
                        "run the node, then again: luytre doctor --only LT-D0601"),),
        ))  # fmt: skip
    known: dict[str, attack.Technique] = {}
    if attack_file is not None:
        exist(attack_file)
        known = attack.techniques(attack_file)
    found = measure(said, time.time(), hours * 3600)
    if as_json:
        print(json.dumps(layer(found, known), ensure_ascii=False))
    else:
        tell("\n".join(_shown(found, known)))
    raise typer.Exit(EXIT_OK)


def measure(said: list[Any], now: float, within_s: float = DAY_S) -> Coverage:
    found = Coverage()
    rows = {str(row.get("id")): row for row in said if isinstance(row, dict)}
    for row in rows.values():
        if row.get("silent"):  # the correlation that counts it has the technique
            continue
        tags = [tag[1].upper() for text in row.get("tags") or () if (tag := _TAG.match(str(text)))]
        title = row.get("title")
        name = str((title.get("en") or title.get("vi")) if isinstance(title, dict) else title or row.get("id"))
        seen = parse_rfc3339(str(row.get("data_last_seen") or ""))
        if row.get("state") != "running":
            place = found.off
        elif row.get("kind") == "detector" or (seen is not None and now - seen <= within_s):
            place = found.covered
        else:
            place = found.blind
        for technique in tags:
            place.setdefault(technique, []).append(name)
    return found


def layer(found: Coverage, known: dict[str, attack.Technique]) -> dict[str, Any]:
    """For ATT&CK Navigator: score = rules that really watch; what could be watched has another colour and its why."""
    rows = []
    for technique in sorted(found.covered.keys() | found.blind.keys() | found.off.keys()):
        active = found.covered.get(technique, [])
        state = "covered" if active else "blind" if technique in found.blind else "off"
        lists = {"covered": active, "without data": found.blind.get(technique, []), "off": found.off.get(technique, [])}
        comment = "; ".join(f"{word}: {', '.join(names[:10])}{' …' if len(names) > 10 else ''}"
                            for word, names in lists.items() if names)  # fmt: skip
        rows.append({"techniqueID": technique, "score": len(active), "color": COLOURS[state], "comment": comment,
                     "enabled": True, "showSubtechniques": "." in technique})  # fmt: skip
    total = len(known)
    return {
        "name": "Lũy Tre", "versions": {"layer": "4.5", "navigator": "5.1.0"}, "domain": "enterprise-attack",
        "description": f"{len(found.covered)} techniques covered by rules whose data came within the last day"
                       + (f", of {total}" if total else ""),
        "techniques": rows, "legendItems": [
            {"label": "covered", "color": COLOURS["covered"]},
            {"label": "rule without data", "color": COLOURS["blind"]},
            {"label": "off or refused", "color": COLOURS["off"]},
        ],
    }  # fmt: skip


def _shown(found: Coverage, known: dict[str, attack.Technique]) -> list[str]:
    lines = []
    states = {
        "covered": say("giám sát", "covered"),
        "blind": say("thiếu dữ liệu", "no data"),
        "off": say("đã tắt", "off"),
    }
    for technique in sorted(found.covered.keys() | found.blind.keys() | found.off.keys()):
        state = "covered" if technique in found.covered else "blind" if technique in found.blind else "off"
        names = getattr(found, state)[technique]
        about = known.get(technique)
        called = f"{about.name} ({', '.join(sorted(about.tactics))})" if about else ""
        lines.append(f"{technique:<10} {states[state]:<14} {len(names):>3}  {called or names[0]}")
    blind = len(found.blind.keys() - found.covered.keys())
    total = say(f" trong {len(known)}", f" of {len(known)}") if known else ""
    lines.append(say(
        f"{len(found.covered)}{total} kỹ thuật được giám sát; {blind} kỹ thuật có luật mà ngày qua không có dữ liệu",
        f"{len(found.covered)}{total} techniques covered; {blind} have rules and no data within the last day",
    ))  # fmt: skip
    return lines
