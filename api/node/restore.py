"""`luytre restore`: put a backup in the place of a node's folder.

luytre restore luytre-….ltk --data /var/lib/luytre --key backup.key
luytre restore luytre-….ltk --data /var/lib/luytre --key backup.key --yes luytre    over a folder that is not empty
What was revoked since the backup stays revoked: api/node/keeping/dead.py says how.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.node.backup import say
from api.node.keeping.putback import put_back
from api.node.keeping.sealed import read_key
from sensors.clock import rfc3339

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.command()
def restore(
    file: Path,
    data: Annotated[Path, typer.Option(help="thư mục dữ liệu / data folder")],
    key: Annotated[Path, typer.Option(help="khóa bí mật hoặc tệp cụm mật khẩu")],
    yes: Annotated[str, typer.Option(help="tên thư mục, nếu nó không trống: nội dung cũ được giữ bên cạnh")] = "",
    revoked: Annotated[Path | None, typer.Option(help="keys/revoked.log của ổ đĩa cũ")] = None,
    accept_risk: Annotated[str, typer.Option(help="revocations-unknown: từ lúc sao lưu không có gì bị thu hồi")] = "",
) -> None:
    """Khôi phục một nút từ bản sao lưu; điều gì đã thu hồi vẫn bị thu hồi."""
    replace = bool(yes) and yes == data.absolute().name
    name = data.absolute().name
    if not yes and sys.stdin.isatty() and data.is_dir() and any(data.iterdir()):
        say(f"{data} không trống. Gõ `{name}` để thay thế (nội dung cũ được giữ bên cạnh):",
            f"{data} is not empty. Type `{name}` to replace it (the old content is kept beside):")  # fmt: skip
        replace = input().strip() == data.absolute().name
    done = put_back(file, read_key(key), data, replace=replace, revoked_log=revoked,
                    trust=accept_risk == "revocations-unknown")  # fmt: skip
    held = done.held
    print(data.absolute())
    say(f"như lúc {rfc3339(done.manifest.made_at)}; {sum(done.manifest.items.values()):,} sự kiện",
        f"as of {rfc3339(done.manifest.made_at)}; {sum(done.manifest.items.values()):,} events")  # fmt: skip
    if done.before:
        say(f"nội dung cũ: {done.before}", f"the old content: {done.before}")
    if held.unknown:
        say("không rõ điều gì đã bị thu hồi từ lúc sao lưu: mọi mật khẩu bị bỏ, máy khác chờ xác nhận",
            "revocations since the backup are unknown: no password opens, other machines wait")  # fmt: skip
    for vi, en, names in (
        ("máy bị giữ lại", "machines held", held.machines),
        ("tài khoản bị khóa", "accounts disabled", held.disabled),
        ("mật khẩu bị bỏ", "passwords removed", held.passwords),
    ):
        if names:
            say(f"  {vi}: {', '.join(names[:50])}", f"  {en}: {', '.join(names[:50])}")
    if held.machines and held.unknown:
        say("  luytre backup confirm TÊN… | --all; người: luytre users link TÊN",
            "  luytre backup confirm NAME… | --all; people: luytre users link NAME")  # fmt: skip
    say(f"tiếp theo: luytre up --data {data}", f"next: luytre up --data {data}")
