"""`luytre enrol`: one way in for every machine: a one-time token and a fingerprint here, a certificate there.

on the node:    luytre enrol token MÁY            prints the line to run on the other machine
on a sensor:    luytre enrol join URL MÃ VÂN-TAY  keys/sensor.*, and `[ship] url` if there is no configuration yet
on a node:      luytre enrol upstream URL MÃ VÂN-TAY   keys/node.*, towards the centre above
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.config import ApiTable
from api.node.cli import language
from api.node.init import log_files, observer_name, toml
from api.node.ownership import as_the_folder
from api.node.users import At, act
from sensors.clock import rfc3339
from sensors.config import Config, NodeTable
from sensors.ship.enrol import enrol

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help="luytre enrol token cam-bien-1"
)


@app.command()
def token(
    name: str,
    role: Annotated[str, typer.Option(help="sensor | node")] = "sensor",
    agency: Annotated[str, typer.Option(help="mã đơn vị; mặc định: của nút này")] = "",
    config: At = None,
) -> None:
    """Mã ghi danh dùng một lần, có hạn một giờ, cho đúng một máy."""
    loaded = Config(config)
    table = loaded.table("node", NodeTable)
    made = act(loaded, "token", name=name, role=role, agency=agency or table.agency)
    api = loaded.table("api", ApiTable)
    host, _, port = api.machines.rpartition(":")
    if host in ("0.0.0.0", "[::]", ""):  # noqa: S104  (compared, not bound)
        host = next(iter(api.machine_names), observer_name())
        host = f"[{host}]" if ":" in host else host
    verb = "join" if role == "sensor" else "upstream"
    # The line to run is all of stdout: it can be piped into ssh. What a person wants to know goes to stderr.
    print(f"luytre enrol {verb} https://{host}:{port} {made['token']} {made['fingerprint']}", flush=True)
    vi = language() == "vi"
    until = rfc3339(round(made["expires_at"]))
    print(f"# chạy dòng trên ở máy {name}, một lần, trước {until}" if vi else
          f"# run that line on {name}, once, before {until}", file=sys.stderr)  # fmt: skip


@app.command()
def join(url: str, token: str, fingerprint: str, data: Path = Path("/var/lib/luytre")) -> None:
    """Ghi danh máy này làm cảm biến của một nút."""
    keys, path = data / "keys", data / "luytre.toml"
    try:
        done = enrol(url, token, fingerprint, keys, file="sensor")
    finally:
        if data.is_dir():
            as_the_folder(data, [keys, *(keys / name for name in ("sensor.key", "sensor.pem", "ca.pem"))])
    if not path.exists():
        path.write_text(toml({
            "node": {"data": str(data.resolve()), "agency": done.agency, "observer": done.name},
            "ship": {"url": url}, "log": {"files": log_files()},
        }), encoding="utf-8")  # fmt: skip
        as_the_folder(data, [path])
    vi, where = language() == "vi", f"--config {path.resolve()}"
    until = rfc3339(done.expires_at)
    print(f"✔ đã ghi danh {done.name} của {done.agency}, chứng thư đến {until}, tự gia hạn" if vi else
          f"✔ {done.name} of {done.agency} is enrolled, certified until {until}, renewed by itself")  # fmt: skip
    print(f"  {'khóa' if vi else 'keys'}: {data / 'keys'}   {'cấu hình' if vi else 'configuration'}: {path.resolve()}")
    print("tiếp theo:" if vi else "next:")
    print(f"  luytre up {where}         # {'chạy các cảm biến' if vi else 'run the sensors'}")
    print(f"  luytre doctor {where}     # {'kiểm tra máy này' if vi else 'look this machine over'}")
    print(f"  luytre-sensor selftest {where}")


@app.command()
def upstream(url: str, token: str, fingerprint: str, config: At = None) -> None:
    """Ghi danh nút này với trung tâm cấp trên."""
    loaded = Config(config)
    vi, data = language() == "vi", loaded.table("node", NodeTable).root
    keys = data / "keys"
    try:
        done = enrol(url, token, fingerprint, keys, file="node", ca_file="upstream-ca.pem")
    finally:  # a refused one, too, has left a key
        as_the_folder(data, [keys, *(keys / name for name in ("node.key", "node.pem", "upstream-ca.pem"))])
    print(f"✔ đã ghi danh {done.agency}:{done.role}:{done.name} với {url}" if vi else
          f"✔ {done.agency}:{done.role}:{done.name} is enrolled with {url}")  # fmt: skip
    if loaded.raw.get("federation", {}).get("upstream") == url:
        return
    # A file of its own: what a person has written in luytre.toml stays as it is, and this one wins.
    part = loaded.path.parent / "conf.d" / "upstream.toml"
    part.parent.mkdir(exist_ok=True, mode=0o700)
    part.write_text(toml({"federation": {"upstream": url}}), encoding="utf-8")
    part.chmod(0o600)
    if os.geteuid() == 0:  # the node's own user must be able to read it
        owner = loaded.path.stat()
        for made in (part.parent, part):
            os.chown(made, owner.st_uid, owner.st_gid)
    print(f"  {'đã ghi' if vi else 'written'}: {part}")
    print("  chạy lại nút để có hiệu lực" if vi else "  start the node again for it to hold")


@app.command()
def revoke(machine: str, reason: str, config: At = None) -> None:
    """Thu hồi chứng thư của một máy (tên, hoặc mã như trong `list`), có hiệu lực ngay."""
    loaded = Config(config)
    known = act(loaded, "machines")["machines"]
    meant = [one for one in known if machine in (one, one.rpartition(":")[2])]
    if len(meant) != 1 or not act(loaded, "revoke", id=meant[0], reason=reason)["revoked"]:
        raise SystemExit("\n  = ".join([f"không có, hoặc không chỉ một máy / not one machine: {machine}", *known]))
    print(f"đã thu hồi / revoked  {meant[0]}")


@app.command("list")
def list_machines(config: At = None) -> None:
    """Mọi máy đã ghi danh, và mã chưa dùng / machines, and tokens not used yet."""
    found, vi = act(Config(config), "machines"), language() == "vi"
    never, gone = ("chưa lần nào", "đã thu hồi") if vi else ("never", "revoked")
    words = ("thấy", "chứng thư đến", "mã chưa dùng, hạn") if vi else ("seen", "certified until", "token until")
    seen, ends, waits = words
    for one in found["machines"]:
        row = found.get("details", {}).get(one, {})
        last = rfc3339(round(row["seen_at"])) if row.get("seen_at") else never
        until = rfc3339(row["ends_at"]) if row.get("ends_at") else "–"
        state = f"{gone}: {found['revoked'][one]}" if one in found["revoked"] else f"{seen} {last}\t{ends} {until}"
        print(f"{one}\t{state}")
    for name, until_s in found.get("tokens", []):
        print(f"{name}\t{waits} {rfc3339(round(until_s))}")
