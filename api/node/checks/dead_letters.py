"""LT-D0409: events that the node refused for good."""

from __future__ import annotations

import json
from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine

LOOK = 20_000
MANY = 1000


def look(machine: Machine) -> Iterator[Finding]:
    from sensors.durable.log import LogReader

    counted = 0
    for name in ("ship", "ingest"):
        folder = machine.data / "dead" / name
        if not folder.is_dir():
            continue
        reader = LogReader(folder)
        count, at, last = 0, None, b""
        try:
            while count < LOOK:
                batch = reader.read(at, 2000)
                if not batch.items:
                    break
                count, at = count + len(batch.items), batch.next
                last = batch.items[-1][1]
        finally:
            reader.close()
        counted += count
        if not count:
            continue
        try:
            why = str(json.loads(last).get("reason", ""))[:120]
        except (ValueError, AttributeError):
            why = "?"
        yield (bad if count > MANY else note)(
            "dead-letters", f"{name}: {count} sự kiện bị từ chối; gần nhất: {why}",
            f"{name}: {count} events were refused; the last: {why}",
            do("Ở màn hình Cảm biến, mục Thư bị từ chối: xem lý do, sửa nguồn rồi gửi lại",
               "On the sensors' screen, under refused items: read why, mend the source, send again"),
            run(f"ls -l {folder}"), where=name, count=count)  # fmt: skip
    if not counted:
        yield ok("không sự kiện nào bị từ chối", "no event was refused", count=0)


CHECK = Check(
    "LT-D0409", "storage", Words("Sự kiện bị từ chối", "Dead letters"),
    Words("Sự kiện mà nút từ chối hẳn (không phải tạm thời), với lý do gần nhất.",
          "Events that the node refused for good, with the latest reason."),
    look,
)  # fmt: skip
