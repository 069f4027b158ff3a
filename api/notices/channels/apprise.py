"""Others by an Apprise address: Telegram, Teams, Mattermost, SMS gateways … (https://github.com/caronc/apprise).

In:  the address as the secret (it holds tokens): `tgram://…`, `msteams://…`, `jsons://sms.gateway/…`; `{phone}` in it
     is the person's number, when the channel is used to reach people. Out: whether the service took it.
Apprise runs in a child process with a clock, a memory limit and the guard under its sockets (`_child.py`): imported
here it would stay with 18 MB, and a plugin that hangs could not be ended. The address goes to the child by its
standard input, never by an argument: those are readable to every user of the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from api.notices.channels import Egress, Kind, Message, Refused

CHILD_S = 30.0  # for starting Python, importing Apprise and a slow service
ROOT = Path(__file__).parents[3]
# These do something to this machine, or read its files, instead of telling somebody.
LOCAL = frozenset(("dbus", "glib", "qt", "kde", "gnome", "macosx", "windows", "syslog", "file", "blink1"))


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    service: str = Field("", max_length=32, pattern=r"^[a-z0-9]*$")  # the address's scheme: all that is shown of it


def check(settings: Mapping[str, Any], secret: str) -> None:
    if secret.startswith("file:"):
        return
    scheme, mark, rest = secret.partition("://")
    if not mark or not rest or not scheme.isascii() or not scheme.isalnum() or scheme.lower() in LOCAL:
        raise ValueError("secret")
    if any(ord(char) < 0x20 for char in secret):
        raise ValueError("secret")


def send(message: Message, settings: Mapping[str, Any], secret: str, egress: Egress) -> str:
    check(settings, secret)
    if not secret.startswith("file:") and secret.partition("://")[0].lower() in LOCAL:
        raise Refused("Dịch vụ này không được dùng.", "This service may not be used.", permanent=True)
    url = secret.replace("{phone}", quote(message.to, safe="")).replace("{id}", quote(message.uid, safe=""))
    asked = {
        "url": url, "title": message.subject, "body": message.text, "uid": message.uid, "timeout_s": egress.timeout_s,
        "local_hosts": egress.guard.listed, "ca": str(egress.ca) if egress.ca else "",
        "kind": "failure" if message.level in ("high", "critical") and not message.over else "info",
    }  # fmt: skip
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "api.notices.channels._child"], input=json.dumps(asked).encode(), check=False,
            capture_output=True, timeout=CHILD_S, cwd=ROOT, env=kept | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Refused("Dịch vụ không trả lời kịp.", "The service did not answer in time.") from None
    try:
        said = json.loads(done.stdout[:4096])
    except ValueError:
        said = {"ok": False, "why": "died"}
    if said.get("ok") is True:
        return "apprise: ok"
    why = str(said.get("why", ""))[:40]
    vi, en, permanent = _WHY.get(why, _WHY["refused"])
    raise Refused(vi, en, permanent=permanent)


_WHY = {
    "address": ("Địa chỉ Apprise không đúng hoặc không được hỗ trợ.", "The Apprise address is wrong or unknown.", True),
    "forbidden": ("Nút không được phép kết nối tới máy này.", "This node may not connect to that machine.", True),
    "died": ("Tiến trình gửi đã dừng bất thường.", "The sending process died.", False),
    "refused": ("Dịch vụ không nhận thông báo.", "The service did not take the notice.", False),
}

CHANNEL = Kind(
    settings=Settings,
    shown=lambda s: f"apprise · {s['service']}" if s["service"] else "apprise",
    check=check,
    send=send,
    reaches="phone",
)
