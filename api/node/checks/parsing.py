"""LT-D0803: the share of lines that no format understood."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, skipped
from api.node.checks._machine import Machine

LEAST = 50
NOTE_SHARE, BAD_SHARE = 0.2, 0.8


def look(machine: Machine) -> Iterator[Finding]:
    report = machine.reports.get("log", {})
    received, unparsed = int(report.get("received") or 0), int(report.get("unparsed") or 0)
    if received < LEAST:
        yield skipped("too-few", f"mới có {received} dòng", f"only {received} lines so far")
        return
    share = unparsed / received
    vi, en = (
        f"{unparsed} trong {received} dòng không hiểu được ({share:.0%})",
        f"{unparsed} of {received} lines were not understood ({share:.0%})",
    )
    fix = do(
        "Xem một dòng được hiểu thế nào: luytre-sensor explain TỆP; đặt format cho tệp trong [log] files",
        "See how a line is read: luytre-sensor explain FILE; set the file's format in [log] files",
    )
    measured = {"received": received, "unparsed": unparsed}
    if share > BAD_SHARE:
        yield bad("unparsed", vi, en, fix, **measured)
    elif share > NOTE_SHARE:
        yield note("unparsed", vi, en, fix, **measured)
    else:
        yield ok(vi, en, **measured)


CHECK = Check(
    "LT-D0803",
    "sources",
    Words("Dòng không hiểu", "Unparsed lines"),
    Words(
        "Tỷ lệ dòng nhật ký không định dạng nào hiểu được: luật không nhìn thấy chúng.",
        "The share of lines that no format understands: rules cannot see into them.",
    ),
    look,
)
