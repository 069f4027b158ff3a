"""LT-D0103: the zone in which times without one are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from api.node.checks import Check, Finding, Words, do, note, ok, run, skipped
from api.node.checks._machine import Machine
from sensors.roles.log import LogTable, local_zone

VIETNAM_S = 7 * 3600


def look(machine: Machine) -> Iterator[Finding]:
    table = machine.table("log", LogTable)
    try:
        zone = local_zone(table.zone)
    except (KeyError, ValueError, OSError):
        yield skipped("zone", f"[log] zone = `{table.zone}` không có", f"no such zone: `{table.zone}`")
        return
    offset = zone.utcoffset(datetime.fromtimestamp(machine.clock.now(), UTC))
    seconds = int(offset.total_seconds()) if offset else 0
    shown = f"UTC{seconds // 3600:+03d}:{abs(seconds) % 3600 // 60:02d}"
    if seconds == VIETNAM_S or table.zone or not (table.files or table.syslog_udp or table.syslog_tcp):
        yield ok(f"{table.zone or 'của máy'} ({shown})", f"{table.zone or 'of the machine'} ({shown})",
                 offset_s=seconds)  # fmt: skip
    else:
        yield note("time-zone", f"máy này ở {shown}; nhật ký không ghi múi giờ sẽ được hiểu theo đó",
                   f"this machine is at {shown}; logs that name no zone are read so",
                   do('Nếu nguồn ghi giờ Việt Nam: [log] zone = "Asia/Ho_Chi_Minh" rồi khởi động lại',
                      'If the sources write Vietnamese time: [log] zone = "Asia/Ho_Chi_Minh", then start anew'),
                   run("sudo timedatectl set-timezone Asia/Ho_Chi_Minh"), offset_s=seconds)  # fmt: skip


CHECK = Check(
    "LT-D0103", "time", Words("Múi giờ", "Time zone"),
    Words("Nhiều nhật ký không ghi múi giờ; sai múi giờ làm sự kiện lệch 7 giờ.",
          "Many logs name no zone; a wrong one shifts their events by seven hours."),
    look,
)  # fmt: skip
