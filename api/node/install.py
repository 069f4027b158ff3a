"""`luytre install`: this machine starts its node by systemd: user, folders, hardened units.

luytre install --data /var/lib/luytre --user luytre --dry-run      what it would do
luytre uninstall --keep-data                                       takes exactly that away again
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from api.node.backup import say
from api.node.bundle import PREFIX, Prefix
from api.node.keeping.installed import Plan, install, steps
from sensors.errors import EXIT_PERMISSION

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Root = Annotated[Path, typer.Option(help="gốc khác, để thử hoặc dựng ảnh máy / another root")]


@app.command("install")
def install_command(
    data: Annotated[Path, typer.Option(help="thư mục dữ liệu / data folder")] = Path("/var/lib/luytre"),
    user: Annotated[str, typer.Option(help="người dùng hệ thống / system user")] = "luytre",
    prefix: Prefix = PREFIX,
    root: Root = Path("/"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="chỉ in ra")] = False,
) -> None:
    """Cài nút thành dịch vụ systemd; in ra từng thay đổi."""
    plan = Plan(data, user, prefix, root.absolute())
    if not dry_run and plan.root == Path("/") and os.geteuid() != 0:
        say("cần quyền quản trị (sudo)", "root is needed (sudo)")
        raise SystemExit(EXIT_PERMISSION)
    for step in steps(plan) if dry_run else install(plan):
        print(f"{step['kind']}\t{step.get('path') or step['name']}")
    if not dry_run:
        say(f"tiếp theo: luytre init --data {data}, rồi systemctl start luytre.target",
            f"next: luytre init --data {data}, then systemctl start luytre.target")  # fmt: skip
