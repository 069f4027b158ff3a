"""LT-D0405: the embedded index against its journal: partitions sound, and how far behind."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine
from correlator.store.config import StoreTable

STREAMS = ("events", "hits")
LAG_ITEMS, LAG_S = 50_000, 60.0
LOOK_ITEMS = 100_000
PARTITIONS = 400  # newest first; a damaged one further back is found by the indexer's own idle rounds


def look(machine: Machine) -> Iterator[Finding]:
    if machine.table("store", StoreTable).kind != "embedded":
        yield skipped(
            "elasticsearch", "nút này dùng Elasticsearch (LT-D0407)", "this node uses Elasticsearch (LT-D0407)"
        )
        return
    from correlator.store import partition
    from sensors.durable.log import START, LogReader, Position

    pid = machine.reports.get("index", {}).get("pid") if machine.alive("index") else None
    mend = (do("Tiến trình index tự dựng lại phần hỏng từ nhật ký khi khởi động lại",
               "The index process makes damaged parts again from the journal when it starts"),
            run(f"kill -TERM {pid}" if pid else machine.restart()))  # fmt: skip
    behind, whole = {}, 0
    for stream in STREAMS:
        folder, journal = machine.data / "index" / stream, machine.data / "journal" / stream
        if not folder.is_dir():
            if any(journal.glob("*.lt1")):
                yield bad("no-index", f"chưa có chỉ mục {stream} cho nhật ký đã ghi",
                          f"there is no index of the {stream} in the journal", *mend, stream=stream)  # fmt: skip
            continue
        end = START
        for place in sorted(partition.folders(folder), reverse=True)[:PARTITIONS]:
            part = partition.load(place)
            if part is None or not part.usable():
                yield bad("index-damaged", f"phần chỉ mục hỏng: {stream}/{place.name}",
                          f"a part of the index is damaged: {stream}/{place.name}", *mend, stream=stream,
                          partition=place.name)  # fmt: skip
                continue
            whole += 1
            end = max(end, part.next)
        reader = LogReader(journal)
        try:
            at: Position = end
            count = 0
            while count < LOOK_ITEMS:
                batch = reader.read(at, 5_000)
                if not batch.items:
                    break
                count, at = count + len(batch.items), batch.next
            behind[stream] = count
        finally:
            reader.close()
    most = max(behind.values(), default=0)
    if most > LAG_ITEMS or (most and pid is None):
        yield (note if pid else bad)("index-behind", f"chỉ mục chậm {most} mục so với nhật ký",
                   f"the index is {most} items behind the journal", *mend[1:], **behind)  # fmt: skip
    elif whole or not behind:
        yield ok(f"{whole} phần nguyên vẹn, chậm {most} mục", f"{whole} parts whole, {most} items behind", **behind)


CHECK = Check(
    "LT-D0405", "storage", Words("Chỉ mục", "Index"),
    Words("Từng phần của chỉ mục có nguyên vẹn (đối chiếu tổng kiểm), và chậm bao nhiêu so với nhật ký.",
          "Each part of the index is whole (checksums), and how far it is behind the journal."),
    look, where=frozenset(("node",)), cheap=False,
)  # fmt: skip
