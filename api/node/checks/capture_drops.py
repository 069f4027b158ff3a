"""LT-D0204: packets that the kernel or the packet sensor had to drop."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, skipped
from api.node.checks._machine import Machine

NOTE_SHARE, BAD_SHARE = 0.001, 0.02


def look(machine: Machine) -> Iterator[Finding]:
    report = machine.reports.get("packet", {})
    if not machine.alive("packet"):
        yield skipped("no-process", "cảm biến gói tin không chạy", "the packet sensor does not run")
        return
    received, dropped = int(report.get("received") or 0), int(report.get("dropped") or 0)
    share = dropped / max(1, received + dropped)
    measured = {
        "received": received,
        "dropped": dropped,
        "share": round(share, 5),
        "flows_evicted": report.get("flows_evicted", 0),
    }
    vi, en = (
        f"bỏ {dropped} trong {received} gói ({share:.2%})",
        f"{dropped} of {received} packets dropped ({share:.2%})",
    )
    fix = do(
        "Lọc bớt bằng [packet] bpf (chẳng hạn `not port 9200`), tách giao diện sang máy khác, hoặc thêm nhân",
        "Filter by [packet] bpf (such as `not port 9200`), move an interface elsewhere, or add a processor",
    )
    if share > BAD_SHARE:
        yield bad("drops", vi, en, fix, **measured)
    elif share > NOTE_SHARE:
        yield note("drops", vi, en, fix, **measured)
    else:
        yield ok(vi, en, **measured)
    faulty = int(report.get("captures_faulty") or 0)
    if faulty:
        yield note(
            "captures-faulty",
            f"{faulty} tệp pcap hỏng hoặc chỉ đọc được một phần",
            f"{faulty} capture files are damaged or were read in part",
            do("Xem luytre-packet.log: tệp nào, vì sao", "See luytre-packet.log: which file, why"),
            faulty=faulty,
        )


CHECK = Check(
    "LT-D0204",
    "capture",
    Words("Gói bị bỏ", "Drops"),
    Words(
        "Tỷ lệ gói bị nhân hệ điều hành hoặc cảm biến bỏ từ khi khởi động.",
        "The share of packets that the kernel or the sensor dropped since it started.",
    ),
    look,
)
