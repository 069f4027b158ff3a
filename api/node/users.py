"""`luytre users`: accounts, roles and log-in links, on a node that runs or one that does not."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.auth import links
from api.config import ApiTable
from api.local_port import ACTS, ask
from api.node.init import opened
from api.permissions import ROLES
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_USAGE

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="luytre users add lan --name 'Nguyễn Thị Lan' --role analyst\n\n"
    "luytre users add hoa --name 'Trần Thị Hoa' --role lead --role admin\n\nluytre users link lan",
)
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; mặc định: LUYTRE_CONFIG")]


def act(config: Config, name: str, /, *, timeout_s: float = 30.0, **body: Any) -> dict[str, Any]:
    """Carried out by the running API, or here when none runs."""
    done = ask(config.table("node", NodeTable).root, name, timeout_s=timeout_s, **body)
    if done is not None:
        return done
    with opened(config) as node:
        return ACTS[name](node, body)


def login_link(config: Config, username: str) -> str:
    """The address of a one-time, 30-minute log-in."""
    api = config.table("api", ApiTable)
    host = api.people.rpartition(":")[0].strip("[]")
    scheme = "http" if host in ("127.0.0.1", "localhost", "::1") else "https"
    token = act(config, "user-link", username=username)["token"]
    return links.address(api.public_url or f"{scheme}://{api.people}", token)


@app.command()
def add(
    username: str,
    role: Annotated[list[str] | None, typer.Option(help=" | ".join(sorted(ROLES)) + "; lặp lại được")] = None,
    name: Annotated[str, typer.Option(help="họ và tên / full name")] = "",
    agency: Annotated[str, typer.Option(help="chỉ trong đơn vị này; mặc định: mọi đơn vị của nút")] = "",
    until: Annotated[str, typer.Option(help="ngày cuối cùng, 2027-01-31; vai trò provider phải có")] = "",
    config: At = None,
) -> None:
    """Thêm một người dùng (mặc định: analyst); in ra liên kết đăng nhập lần đầu."""
    loaded = Config(config)
    act(loaded, "user-add", username=username, roles=role or ["analyst"], name=name, agency=agency, until=until)
    print(login_link(loaded, username))


@app.command()
def link(username: str, config: At = None) -> None:
    """Liên kết đăng nhập dùng một lần, có hạn 30 phút."""
    print(login_link(Config(config), username))


@app.command()
def password(username: str, file: Path | None = None, config: At = None) -> None:
    """Đặt mật khẩu (đọc từ tệp hoặc hỏi); mọi phiên đang mở của người đó kết thúc."""
    if file is None and not sys.stdin.isatty():
        print("--file hoặc thiết bị đầu cuối / --file or a terminal", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    text = file.read_text("utf-8").rstrip("\r\n") if file else getpass.getpass("Mật khẩu: ")
    act(Config(config), "user-password", username=username, password=text)


@app.command("list")
def list_users(as_json: Annotated[bool, typer.Option("--json")] = False, config: At = None) -> None:
    """Mọi tài khoản, vai trò và ngày hết hạn."""
    users = act(Config(config), "user-list")["users"]
    if as_json:
        print(json.dumps(users, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for head in ("Tên đăng nhập", "Họ và tên", "Vai trò", "Yếu tố thứ hai", "Hoạt động", ""):
        table.add_column(head)
    for user in users:
        roles = ", ".join(_role(*grant) for grant in user["grants"]) or "—"
        cells = (user["username"], user["name"], roles, "có" if user["second_factor"] else "không",
                 (user["seen_at"] or "—")[:16], "đã khóa" if user["disabled"] else "")  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells))  # Text: a name is no markup
    Console(soft_wrap=not sys.stdout.isatty()).print(table)


@app.command()
def grant(
    username: str,
    role: Annotated[str, typer.Option(help=" | ".join(sorted(ROLES)))],
    agency: Annotated[str, typer.Option(help="chỉ trong đơn vị này; mặc định: mọi đơn vị của nút")] = "",
    until: Annotated[str, typer.Option(help="ngày cuối cùng, 2027-01-31; vai trò provider phải có")] = "",
    config: At = None,
) -> None:
    """Trao một vai trò."""
    act(Config(config), "user-grant", username=username, role=role, agency=agency, until=until)


@app.command()
def revoke(
    username: str,
    role: Annotated[str, typer.Option(help=" | ".join(sorted(ROLES)))],
    agency: Annotated[str, typer.Option(help="vai trò trong đơn vị này; mặc định: trên toàn nút")] = "",
    config: At = None,
) -> None:
    """Thu hồi một vai trò."""
    act(Config(config), "user-revoke", username=username, role=role, agency=agency)


@app.command()
def disable(username: str, config: At = None) -> None:
    """Khóa tài khoản; mọi phiên kết thúc ngay."""
    act(Config(config), "user-disable", username=username)


@app.command()
def enable(username: str, config: At = None) -> None:
    """Mở lại tài khoản."""
    act(Config(config), "user-enable", username=username)


@app.command("reset-factor")
def reset_factor(username: str, config: At = None) -> None:
    """Xóa ứng dụng xác thực, mã khôi phục, khóa đăng nhập; in ra liên kết đăng nhập mới."""
    loaded = Config(config)
    act(loaded, "user-reset-factor", username=username)
    print(login_link(loaded, username))


def _role(role: str, agency: str | None, until: str | None) -> str:
    return f"{role}@{agency or '*'}" + (f" (đến {until[:10]})" if until else "")


def visible(text: str) -> str:
    """Without what would move a terminal's cursor."""
    return "".join(char if char.isprintable() else "�" for char in text)
