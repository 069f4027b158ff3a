"""LT-D0408: the spools: growing because the node does not take, near their limit, losing."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine, size, span
from sensors.roles.log import LogTable
from sensors.roles.packet import PacketTable
from sensors.roles.probe import ProbeTable

OLD_NOTE_S, OLD_BAD_S = 300.0, 3600.0
FULL = 0.8


def look(machine: Machine) -> Iterator[Finding]:
    limits = {"log": machine.table("log", LogTable).spool_bytes,
              "packet": machine.table("packet", PacketTable).spool_limit_bytes,
              "probe": machine.table("probe", ProbeTable).spool_bytes}  # fmt: skip
    lanes = machine.reports.get("ship", {}).get("spools", {})
    total, waiting = 0, 0
    for folder in sorted((machine.data / "spool").glob("*")):
        name = folder.name
        used = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
        total += used
        lane = lanes.get(name, {}) if isinstance(lanes, dict) else {}
        backlog, oldest = int(lane.get("backlog") or 0), float(lane.get("oldest_s") or 0.0)
        waiting += backlog
        measured = {"spool": name, "bytes": used, "backlog": backlog, "oldest_s": oldest}
        fix = do("Nút không nhận: xem mục Kết nối (LT-D0501, LT-D0502); dữ liệu vẫn được giữ",
                 "The node does not take it: see the link (LT-D0501, LT-D0502); what is spooled stays")  # fmt: skip
        dropped = machine.reports.get(name, {}).get("dropped")
        lost = sum(dropped.values()) if isinstance(dropped, dict) else 0
        if lost:
            yield bad("spool-lost", f"{name}: spool đầy, đã bỏ {lost} sự kiện", f"{name}: the spool was full, {lost} "
                      "events dropped", fix, do(f"Tăng giới hạn spool của [{name}]", f"Raise [{name}]'s spool limit"),
                      dropped=lost, **measured)  # fmt: skip
        if used > limits.get(name, used + 1) * FULL:
            yield bad("spool-full", f"{name}: spool {size(used)} trên {size(limits[name])}",
                      f"{name}: spool at {size(used)} of {size(limits[name])}", fix, **measured)  # fmt: skip
        elif backlog and oldest > OLD_NOTE_S:
            yield (bad if oldest > OLD_BAD_S else note)(
                "spool-waits", f"{name}: {backlog} sự kiện chờ gửi, cũ nhất {span(oldest).vi}",
                f"{name}: {backlog} events wait, the oldest for {span(oldest).en}", fix, **measured)  # fmt: skip
    if not machine.alive("ship") and total and (machine.data / "spool").is_dir() and machine.raw_table("ship"):
        yield bad("nobody-ships", f"không tiến trình nào gửi spool ({size(total)})", f"no process sends the spool "
                  f"({size(total)})", run(machine.restart()), bytes=total)  # fmt: skip
        return
    yield ok(f"{size(total)}, {waiting} sự kiện chờ", f"{size(total)}, {waiting} events wait", bytes=total,
             backlog=waiting)  # fmt: skip


CHECK = Check(
    "LT-D0408", "storage", Words("Hàng chờ gửi", "Spool"),
    Words("Hàng chờ của từng cảm biến: bao nhiêu, cũ bao lâu, gần đầy chưa, có mất gì không.",
          "Each sensor's spool: how much, how old, how near its limit, whether anything was lost."),
    look,
)  # fmt: skip
