"""`luytre uninstall`: takes away what `luytre install` put here, and says what remains.

luytre uninstall --keep-data --yes luytre       units, links; data, program and user stay
luytre uninstall --purge --yes luytre           all of it
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.node.backup import say
from api.node.install import Root
from api.node.keeping.installed import Plan, record_of, uninstall
from sensors.errors import EXIT_PERMISSION, EXIT_USAGE

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
NAME = "luytre"


@app.command("uninstall")
def uninstall_command(
    purge: Annotated[
        bool, typer.Option("--purge/--keep-data", help="xóa cả dữ liệu, chương trình, người dùng")
    ] = False,
    yes: Annotated[str, typer.Option(help="gõ `luytre` để xác nhận")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="chỉ in ra")] = False,
    root: Root = Path("/"),
) -> None:
    """Gỡ dịch vụ; in ra những gì bị xóa và những gì còn lại."""
    record = record_of(root.absolute())
    plan = Plan(Path(record["data"]), record["user"], Path(record["prefix"]), root.absolute())
    for step in record["steps"]:
        stays = step["was_there"] or (step["kind"] in ("folder", "user") and not purge)
        print(f"{'=' if stays else '-'} {step['kind']}\t{step.get('path') or step['name']}")
    if dry_run:
        return
    if plan.root == Path("/") and os.geteuid() != 0:
        say("cần quyền quản trị (sudo)", "root is needed (sudo)")
        raise SystemExit(EXIT_PERMISSION)
    if not yes and sys.stdin.isatty():
        say(f"Gõ `{NAME}` để gỡ:", f"Type `{NAME}` to remove:")
        yes = input().strip()
    if yes != NAME:
        say(f"chưa gỡ gì: cần --yes {NAME}", f"nothing was removed: --yes {NAME} is needed")
        raise SystemExit(EXIT_USAGE)
    _, remains = uninstall(plan, purge=purge)
    for one in remains:
        say(f"còn lại: {one}", f"remains: {one}")
