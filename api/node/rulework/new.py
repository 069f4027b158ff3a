"""`luytre rules new NAME`: a rule's whole file with what must be in it, tests too; `lint` then says what is left.

In:  a file name and words; asks nothing. Out: the file, in the current folder, `--to` or the node's own rules
(--config); never over one that is there. What only a person knows is marked "…": the engine reads the file from the
start, and `lint` names each until it is filled in.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.node.rulework.places import At, Missing, node, say
from correlator.tuning import ZONE
from sensors.config import NodeTable
from sensors.errors import LuytreError, Place, Problem

LEVELS = ("informational", "low", "medium", "high", "critical")
NAME = re.compile(r"[a-z0-9][a-z0-9_]{5,85}\Z")  # Sigma: 10 to 90 characters with the suffix


def command(
    name: Annotated[str, typer.Argument(help="tên tệp, chữ thường và _ / file name: telnet_from_outside")],
    title: Annotated[str, typer.Option(help="tiêu đề tiếng Anh / what happened")] = "",
    title_vi: Annotated[str, typer.Option(help="tiêu đề tiếng Việt")] = "",
    product: Annotated[str, typer.Option(help="luytre: một dataset; linux, windows …")] = "luytre",
    category: Annotated[str, typer.Option(help="process_creation, webserver …")] = "",
    service: Annotated[str, typer.Option(help="với product luytre: event.dataset, như network.dns")] = "",
    level: Annotated[str, typer.Option(help=" | ".join(LEVELS))] = "medium",
    field: Annotated[list[str] | None, typer.Option(help="điều kiện field=giá trị; lặp lại được / repeatable")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="attack.t1110 …; lặp lại được / repeatable")] = None,
    author: Annotated[str, typer.Option()] = "",
    to: Annotated[Path | None, typer.Option(help="thư mục; mặc định: thư mục này hoặc luật của nút")] = None,
    config: At = None,
) -> None:
    """Tạo một tệp luật đủ mọi phần, kèm khung phép thử."""
    if not NAME.match(name.removesuffix(".yml")) or level not in LEVELS:
        raise Missing(Problem("LT-R0315", f"`{name[:90]}` hoặc mức `{level}` không dùng được",
                              f"`{name[:90]}` or the level `{level}` cannot be used",
                              hints=("telnet_from_outside", "--level " + " | ".join(LEVELS))))  # fmt: skip
    mine = node(config) if to is None else None
    folder = to or (mine.table("node", NodeTable).root / "rules" if mine else Path())
    path = folder / f"{name.removesuffix('.yml')}.yml"
    given = [tuple(one.split("=", 1)) for one in field or ["event.action=…"] if "=" in one]
    text = rule(
        title or name.removesuffix(".yml").replace("_", " ").title(), title_vi, (product, category, service), level,
        {one[0].strip(): one[1].strip() for one in given}, tag or [], author,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise LuytreError(Problem("LT-R0316", f"đã có tệp {path}", f"there is a file {path}",
                                  Place(str(path)))) from None  # fmt: skip
    print(path)
    print(say(f"còn phải điền: luytre rules lint {path}", f"what is left: luytre rules lint {path}"))


def rule(title: str, title_vi: str, source: tuple[str, str, str], level: str, fields: dict[str, str], tags: list[str],
         author: str) -> str:  # fmt: skip
    product, category, service = source
    keys = {"product": product, "category": category, "service": service}
    logsource = ", ".join(f"{key}: {_q(value)}" for key, value in keys.items() if value)
    group = [name.partition("|")[0] for name in fields][:2]
    event = ", ".join(f"{_q(name.partition('|')[0])}: {_q(value)}" for name, value in fields.items())
    dataset = f"event.dataset: {_q(service)}, " if product == "luytre" and service else ""
    vi = _q(title_vi) if title_vi else "…"
    selection = "\n".join(f"    {name}: {_q(value)}" for name, value in fields.items())
    return f"""title: {_q(title)}
id: {uuid.uuid4()}
status: experimental
description: …
author: {_q(author or "…")}
date: {datetime.now(ZONE).date().isoformat()}
logsource: {{{logsource}}}
detection:
  selection:
{selection}
  condition: selection
falsepositives: [{_q("…")}]
level: {level}
tags: [{", ".join(tags)}]
luytre:
  title: {{vi: {vi}, en: {_q(title)}}}
  description: {{vi: …, en: …}}
  reason: {{vi: "{{{group[0]}}} …", en: "{{{group[0]}}} …"}}
  group_by: [{", ".join(group)}]
  steps: {{vi: [], en: []}}
tests:
  - name: {_q("…")}
    hit: true
    events: [{{{dataset}{event}}}]
  - name: {_q("the ordinary thing that looks the same")}
    hit: false
    events: [{{{dataset}{_q(group[0])}: {_q("…")}}}]
"""


def _q(text: str) -> str:
    """Plain where YAML reads it back as the same text, else quoted as JSON is."""
    plain = re.fullmatch(r"[A-Za-z][\w .\-/]*[\w.]", text) and text.lower() not in (
        "true",
        "false",
        "null",
        "yes",
        "no",
    )
    return text if plain else json.dumps(text, ensure_ascii=False)
