"""LT-D0301: whether the ports of luytre.toml can be, and are, ours."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from api.config import ApiTable
from api.node.checks import Check, Finding, Words, bad, do, ok, run
from api.node.checks._machine import Machine
from api.people_port import listen_at
from sensors.errors import ConfigError
from sensors.roles.log import LogTable

LISTEN, HELD = "0A", "07"  # TCP's LISTEN, UDP's bound: include/net/tcp_states.h


def look(machine: Machine) -> Iterator[Finding]:
    api, log = machine.table("api", ApiTable), machine.table("log", LogTable)
    wanted = [("log.syslog_udp", log.syslog_udp, "udp"), ("log.syslog_tcp", log.syslog_tcp, "tcp")]
    if not machine.is_sensor:
        wanted = [("api.people", api.people, "tcp"), ("api.machines", api.machines, "tcp"), *wanted]
    ours = {report.get("pid") for report in machine.reports.values()}
    ours |= {child.get("pid") for child in machine.supervisor.get("children", {}).values()}
    fine = []
    for key, where, kind in wanted:
        if not where:
            continue
        try:
            host, port = listen_at(where, key)
        except ConfigError:
            continue  # LT-D1101 says so
        holders = held_by(kind, port)
        theirs = [(pid, name) for pid, name in holders if pid not in ours]
        if holders and not (ours & {pid for pid, _ in holders}) and theirs:
            pid, name = theirs[0]
            yield bad(
                "port-taken",
                f"[{key}] cổng {port}/{kind} đang do chương trình khác giữ: {name} (tiến trình {pid})",
                f"[{key}] port {port}/{kind} is held by another program: {name} (process {pid})",
                do(f"Dừng chương trình đó, hoặc đổi `{key}`", f"Stop that program, or change `{key}`"),
                run(f"ss -lnp{'u' if kind == 'udp' else 't'} 'sport = :{port}'"),
                run(machine.restart()),
                key=key,
                port=port,
                pid=pid,
                program=name,
            )
        elif not holders and (problem := _unbindable(host, port, kind)):
            cause, vi, en = problem
            yield bad(
                cause,
                f"[{key}] {where}: {vi}",
                f"[{key}] {where}: {en}",
                do(f"Sửa `{key}` trong {machine.path}", f"Mend `{key}` in {machine.path}"),
                run("ip -brief address"),
                key=key,
                port=port,
            )
        else:
            fine.append(f"{port}/{kind}")
    if fine:
        yield ok(", ".join(fine), ", ".join(fine), ports=fine)


def held_by(kind: str, port: int) -> list[tuple[int, str]]:
    """(pid, program) of who listens on a port; pid 0 where that may not be seen."""
    state = LISTEN if kind == "tcp" else HELD
    inodes = set()
    for table in (f"/proc/net/{kind}", f"/proc/net/{kind}6"):
        try:
            lines = Path(table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 9 and words[3] == state and int(words[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{words[9]}]")
    if not inodes:
        return []
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(handle.readlink()) in inodes for handle in (folder / "fd").iterdir()):
                found.append((int(folder.name), (folder / "comm").read_text("utf-8", "replace").strip()))
        except OSError:
            continue
    return found or [(0, "?")]


def _unbindable(host: str, port: int, kind: str) -> tuple[str, str, str] | None:
    """Why nobody could listen there; the port is given back at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except PermissionError:
            return (
                "port-forbidden",
                "cổng dưới 1024 cần quyền CAP_NET_BIND_SERVICE",
                "a port below 1024 needs CAP_NET_BIND_SERVICE",
            )
        except OSError as error:
            return (
                "not-our-address",
                f"máy này không có địa chỉ {host} ({error.strerror})",
                f"this machine has no address {host} ({error.strerror})",
            )
    return None


CHECK = Check(
    "LT-D0301",
    "network",
    Words("Cổng", "Ports"),
    Words(
        "Các cổng trong luytre.toml có do Lũy Tre giữ, có bị chương trình khác chiếm, địa chỉ có thuộc máy này không.",
        "Whether the ports of luytre.toml are held by us, are taken by another program, are addresses of this machine.",
    ),
    look,
)
