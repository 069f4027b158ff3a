"""`luytre notices`: a mail channel from the command line, tried at once; the others are made on the screen.

luytre notices mail thu.so.example --to truc@so.example --from luytre@so.example
luytre notices test 1          a message now, and what the server answered
luytre notices list
The password, if the server wants one, is read from a file or asked for: it stands in no command line.
"""

from __future__ import annotations

import getpass
import json
import socket
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from api.node.cli import language
from api.node.users import At, act
from sensors.config import Config
from sensors.errors import EXIT_USAGE, Hint, LuytreError, Problem

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True,
    help="luytre notices mail thu.so.example --to truc@so.example --from luytre@so.example\n\nluytre notices test 1",
)  # fmt: skip
WAIT_S, POLL_S, PASSWORD_BYTES = 60.0, 0.2, 4096
_STATES = {"waiting": ("đang chờ", "waiting"), "sending": ("đang gửi", "sending"), "sent": ("đã gửi", "sent"),
           "given_up": ("đã thôi gửi", "given up"), "shown": ("đã hiện", "shown")}  # fmt: skip
PORTS = {"starttls": 587, "tls": 465, "none": 25}


@app.command()
def mail(
    server: Annotated[str, typer.Argument(help="máy chủ thư, MÁY hoặc MÁY:CỔNG / mail server")],
    to: Annotated[list[str], typer.Option("--to", help="người nhận, lặp lại được / recipient")],
    sender: Annotated[str, typer.Option("--from", help="địa chỉ gửi / sender")],
    level: Annotated[str, typer.Option(help="từ mức này: low | medium | high | critical")] = "high",
    tls: Annotated[str, typer.Option(help="starttls | tls | none (chỉ khi không có mật khẩu)")] = "starttls",
    user: Annotated[str, typer.Option(help="tài khoản thư; hỏi mật khẩu / account, asks its password")] = "",
    password_file: Annotated[Path | None, typer.Option(help="tệp chứa mật khẩu / file with it")] = None,
    name: Annotated[str, typer.Option(help="tên kênh / name")] = "Thư báo",
    test: Annotated[bool, typer.Option("--test/--no-test", help="gửi thử ngay / try it now")] = True,
    config: At = None,
) -> None:
    """Tạo kênh thư và tuyến báo từ một mức trở lên, rồi gửi thử."""
    loaded = Config(config)
    if tls not in PORTS:
        print("--tls: starttls | tls | none", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    host, port = _server(server, PORTS[tls])
    _reachable(loaded, host, port)
    settings: dict[str, Any] = {"host": host, "port": port, "tls": tls, "sender": sender, "to": to, "user": user}
    made = act(loaded, "notices-mail", name=name, settings=settings, level=level,
               secret=_password(user, password_file))  # fmt: skip
    channel = made["channel"]
    print(f"✔ kênh {channel}: {', '.join(to)} qua {host}:{port}; báo từ mức {level}" if language() == "vi" else
          f"✔ channel {channel}: {', '.join(to)} by {host}:{port}; told from level {level} on")  # fmt: skip
    if test:
        _try(loaded, channel)


@app.command("test")
def try_channel(channel: Annotated[int, typer.Argument(help="số của kênh / its number")], config: At = None) -> None:
    """Gửi một thư thử qua kênh, chờ máy chủ trả lời."""
    _try(Config(config), channel)


@app.command("list")
def list_all(as_json: Annotated[bool, typer.Option("--json")] = False, config: At = None) -> None:
    """Các kênh, các tuyến, lần gửi gần nhất."""
    found = act(Config(config), "notices-list")
    if as_json:
        print(json.dumps({"schema_version": 1, **found}, ensure_ascii=False, indent=1))
        return
    vi = language() == "vi"
    off = " · đang tắt" if vi else " · off"
    for one in found["channels"]:
        last = one["last"] or {}
        how = f"{_STATES[last['state']][not vi]} {last['at'][:19]}Z" if last else ("chưa gửi" if vi else "not used yet")
        print(f"{'kênh' if vi else 'channel'} {one['id']}\t{_visible(one['name'])}\t{_visible(one['shown'])}\t{how}"
              f"{'' if one['enabled'] else off}")  # fmt: skip
    for one in found["routes"]:
        print(f"{'tuyến' if vi else 'route'} {one['id']}\t{one['agency']}, {one['level']}+\t→ {_visible(one['to'])}"
              f"{'' if one['enabled'] else off}")  # fmt: skip
    if not found["channels"]:
        print("chưa có kênh: luytre notices mail --help" if vi else "no channel yet: luytre notices mail --help",
              file=sys.stderr)  # fmt: skip


def _try(config: Config, channel: int) -> None:
    sending = act(config, "notices-test", channel=channel)["sending"]
    vi, end = language() == "vi", time.monotonic() + WAIT_S
    while time.monotonic() < end:
        [row] = act(config, "notices-sendings", sending=sending)["sendings"]
        if row["state"] == "sent":
            print(f"✔ {'máy chủ thư đã nhận thư thử' if vi else 'the mail server took the test'}: {row['receipt']}")
            return
        # A mail server that does not take it now may take it later; whoever is setting it up wants to hear of it now.
        if row["state"] == "given_up" or row["error"]:
            said = row["error"] or {"vi": "đã thôi gửi", "en": "given up"}
            raise LuytreError(Problem("LT-N0303", f"thư thử chưa tới: {said['vi']}", f"the test: {said['en']}"))
        time.sleep(POLL_S)
    raise LuytreError(Problem(
        "LT-N0303", "thư thử còn trong hàng chờ; nút có đang chạy không?", "the test still waits; does the node run?",
        hints=(Hint("luytre up", "luytre up"), Hint("luytre notices list", "luytre notices list")),
    ))  # fmt: skip


def _server(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or (text.count(":") > 1 and not text.startswith("[")):
        return text.strip("[]"), default  # a bare name, or a bare IPv6 address
    if text.startswith("[") and text.endswith("]"):
        return text.strip("[]"), default
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        print(f"MÁY:CỔNG / HOST:PORT: {text}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    return host.strip("[]"), int(port)


def _reachable(config: Config, host: str, port: int) -> None:
    """Said before anything is made: an address of the agency's own network must be named by the node's operator."""
    from api.notices.config import guard_of, settings
    from api.outward import Forbidden

    try:
        guard_of(settings(config)).addresses(host, port)
    except Forbidden:
        raise LuytreError(Problem(
            "LT-N0306", f"{host} không phải địa chỉ công cộng: nút chỉ nối tới khi cấu hình cho phép",
            f"{host} is not a public address: the node connects to it only where the configuration says so",
            hints=(Hint(f'thêm vào {config.path}:  [notices] local_hosts = ["{host}"]  rồi chạy lại nút',
                        f'add to {config.path}:  [notices] local_hosts = ["{host}"]  and start the node again'),),
        )) from None  # fmt: skip
    except socket.gaierror:
        raise LuytreError(Problem(
            "LT-N0306", f"không tìm thấy máy chủ thư {host}", f"no such mail server: {host}",
        )) from None  # fmt: skip
    except OSError:
        return


def _password(user: str, file: Path | None) -> str:
    if file is not None:
        with file.open("r", encoding="utf-8") as opened:
            return opened.read(PASSWORD_BYTES).rstrip("\r\n")
    if not user:
        return ""
    if not sys.stdin.isatty():
        print("--password-file hoặc thiết bị đầu cuối / --password-file or a terminal", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    return getpass.getpass("Mật khẩu: " if language() == "vi" else "Password: ")


def _visible(text: str) -> str:
    """Without what would move a terminal's cursor."""
    return "".join(char if char.isprintable() else "�" for char in text)
