"""`luytre users`: accounts, roles and log-in links, on a node that runs or one that does not."""

from __future__ import annotations

import getpass
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
    help="luytre users add lan --name 'Nguyễn Thị Lan' --role analyst\n\nluytre users link lan",
)
At = Annotated[Path | None, typer.Option("--config", help="luytre.toml; mặc định: LUYTRE_CONFIG")]


def act(config: Config, name: str, /, **body: Any) -> dict[str, Any]:
    """Carried out by the running API, or here when none runs."""
    done = ask(config.table("node", NodeTable).root, name, **body)
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
    role: Annotated[str, typer.Option(help=" | ".join(sorted(ROLES)))] = "analyst",
    name: Annotated[str, typer.Option(help="họ và tên / full name")] = "",
    agency: Annotated[str, typer.Option(help="chỉ trong đơn vị này; mặc định: mọi đơn vị của nút")] = "",
    config: At = None,
) -> None:
    """Thêm một người dùng; in ra liên kết đăng nhập lần đầu."""
    loaded = Config(config)
    act(loaded, "user-add", username=username, role=role, name=name, agency=agency)
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
def list_users(config: At = None) -> None:
    """Mọi tài khoản và vai trò."""
    for user in act(Config(config), "user-list")["users"]:
        grants = ", ".join(f"{role}@{agency or '*'}" for role, agency in user["grants"])
        print(f"{user['username']}\t{user['name']}\t{grants}" + ("\tđã khóa" if user["disabled"] else ""))
