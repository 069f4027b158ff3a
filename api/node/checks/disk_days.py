"""LT-D0402: for how many days the disk will last at the rate of the last day."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, bad, do, note, ok, skipped
from api.node.checks._machine import Machine, size
from correlator.store.config import StoreTable

DAY_S = 86_400.0
BAD_DAYS, NOTE_DAYS = 3, 14
LEAST_S = 3600.0  # a rate out of less than an hour is a guess
FILES = 200_000


def look(machine: Machine) -> Iterator[Finding]:
    now = machine.clock.now()
    written, kept, oldest = 0, 0, now
    for part in ("journal", "index", "spool", "log", "state", "dead"):
        for changed, count in _files(machine.data / part):
            kept += count
            oldest = min(oldest, changed)
            written += count if now - changed < DAY_S else 0
    over = min(DAY_S, now - oldest)
    if not kept or over < LEAST_S:
        yield skipped("too-young", "chưa đủ một giờ dữ liệu để ước tính", "not yet an hour of data to judge by")
        return
    rate = written / over * DAY_S
    found = os.statvfs(machine.data)
    free = found.f_bavail * found.f_frsize
    table = machine.table("store", StoreTable)
    limit = min(table.days * rate, table.limit_bytes or float("inf"))
    days = free / rate if rate else float("inf")
    measured = {"bytes_per_day": round(rate), "kept_bytes": kept, "free_bytes": free, "retention_days": table.days,
                "days_left": round(days, 1) if rate else None}  # fmt: skip
    if limit <= kept + free:
        yield ok(f"đủ cho {table.days} ngày lưu giữ ({size(rate)} mỗi ngày)",
                 f"enough for the {table.days} days that are kept ({size(rate)} a day)", **measured)  # fmt: skip
        return
    vi = f"còn {days:.0f} ngày ở tốc độ hiện tại, {size(rate)} mỗi ngày (ngưỡng {NOTE_DAYS})"
    en = f"{days:.0f} days left at the present rate of {size(rate)} a day (threshold {NOTE_DAYS})"
    lasting = max(1, int((kept + free) * 0.9 / rate))
    fix = do(f"Gắn ổ lớn hơn, hoặc [store] days = {lasting} rồi khởi động lại",
             f"Mount a larger disk, or [store] days = {lasting}, then start anew")  # fmt: skip
    if days < BAD_DAYS:
        yield bad("disk-days", vi, en, fix, **measured)
    elif days < NOTE_DAYS:
        yield note("disk-days", vi, en, fix, **measured)
    else:
        yield ok(f"còn {days:.0f} ngày, {size(rate)} mỗi ngày", f"{days:.0f} days left, {size(rate)} a day", **measured)


def _files(folder: Path) -> Iterator[tuple[float, int]]:
    """(changed, bytes on disk) of each file below."""
    left = FILES
    for where, _, names in os.walk(folder):
        for name in names:
            left -= 1
            if left < 0:
                return
            try:
                stat = Path(where, name).lstat()
            except OSError:
                continue
            yield stat.st_mtime, stat.st_blocks * 512


CHECK = Check(
    "LT-D0402", "storage", Words("Số ngày còn lại", "Days left"),
    Words("Số ngày ổ đĩa còn đủ ở tốc độ của 24 giờ qua, có tính thời hạn lưu giữ. Lưu ý dưới 14 ngày, lỗi dưới 3.",
          "Days until the disk is full at the rate of the last 24 hours, retention counted in. A note below 14, bad "
          "below 3."),
    look, cheap=False,
)  # fmt: skip
