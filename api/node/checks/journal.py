"""LT-D0406: the journals: readable, nothing set aside by a recovery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine, size

LOOK_BYTES = 64 << 20  # of the newest segments of each log; all would be hours
STREAMS = ("journal/events", "journal/hits", "spool/log", "spool/packet", "spool/probe")


def look(machine: Machine) -> Iterator[Finding]:
    from sensors.durable.files import REAL
    from sensors.durable.log import LogReader, Position
    from sensors.durable.segment import listing

    read = 0
    for stream in STREAMS:
        folder = machine.data / stream
        if not folder.is_dir():
            continue
        aside = [path for path in folder.rglob("*") if "quarantine" in path.parts and path.is_file()][:1000]
        if aside:
            yield note("set-aside", f"{stream}: {len(aside)} đoạn hỏng đã để riêng ({size(_total(aside))})",
                       f"{stream}: {len(aside)} damaged stretches were set aside ({size(_total(aside))})",
                       do("Xem ổ đĩa (SMART) và bộ nhớ; dữ liệu còn lại vẫn dùng được",
                          "Look at the disk (SMART) and the memory; what remains is sound"),
                       run(f"ls -l {aside[0].parent}"), stream=stream, count=len(aside))  # fmt: skip
        segments = listing(folder, REAL)
        left, first = LOOK_BYTES, None
        for segment in reversed(segments):
            left -= (folder / segment.name).stat().st_size if (folder / segment.name).exists() else 0
            first = segment
            if left <= 0:
                break
        if first is None:
            continue
        reader = LogReader(folder)
        try:
            at: Position | None = None if first is segments[0] else Position(first.number, 0, -1)
            while True:
                batch = reader.read(at, 5_000)
                if not batch.items:
                    break
                read += sum(len(data) for _, data in batch.items)
                at = batch.next
            if reader.damaged:
                yield bad("journal-damaged", f"{stream}: {reader.damaged} đoạn không đọc được",
                          f"{stream}: {reader.damaged} stretches cannot be read",
                          do("Sao lưu ngay; xem ổ đĩa (SMART); phần hỏng được bỏ qua và ghi nhận là khoảng trống",
                             "Back up now; look at the disk (SMART); damage is passed over and counted as a gap"),
                          run(f"sudo smartctl -H $(df --output=source {folder} | tail -1)"),
                          stream=stream, damaged=reader.damaged)  # fmt: skip
                return
        finally:
            reader.close()
    yield ok(f"đọc lại {size(read)}, không hỏng", f"{size(read)} read again, no damage", bytes=read)


def _total(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())


CHECK = Check(
    "LT-D0406", "storage", Words("Nhật ký bền", "Journal"),
    Words("Đọc lại phần mới nhất của nhật ký và spool, đối chiếu tổng kiểm từng bản ghi; nêu phần đã để riêng.",
          "Reads the newest of the journals and spools again, record checksums compared; names what was set aside."),
    look, cheap=False,
)  # fmt: skip
