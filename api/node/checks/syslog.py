"""LT-D0802: syslog: listening, and what the kernel or the inbox had to refuse."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine
from api.people_port import is_loopback
from sensors.roles.log import LogTable


def look(machine: Machine) -> Iterator[Finding]:
    table = machine.table("log", LogTable)
    if not (table.syslog_udp or table.syslog_tcp):
        yield skipped("no-syslog", "[log] không nhận syslog", "[log] takes no syslog")
        return
    if not machine.alive("log"):
        yield skipped("no-process", "cảm biến log không chạy (LT-D1102)", "the log sensor does not run (LT-D1102)")
        return
    report = machine.reports.get("log", {})
    listening = report.get("listening") or {}
    for kind, where in (("udp", table.syslog_udp), ("tcp", table.syslog_tcp)):
        if where and kind not in listening:
            yield bad("not-listening", f"syslog {kind} {where}: cảm biến đang chạy không nghe cổng này",
                      f"syslog {kind} {where}: the running sensor does not listen there",
                      run(machine.luytre("config diff")), run(machine.restart()), port=where)  # fmt: skip
    refused = int(report.get("refused") or 0)
    if refused:
        yield note("syslog-refused", f"{refused} bản tin syslog bị bỏ vì đến quá nhanh",
                   f"{refused} syslog messages were refused: they came too fast",
                   do("Dùng TCP thay UDP, hoặc đặt cảm biến gần nguồn hơn", "Use TCP instead of UDP, or put a sensor "
                      "nearer to the source"), refused=refused)  # fmt: skip
    hosts = [where.rpartition(":")[0].strip("[]") for where in (table.syslog_udp, table.syslog_tcp) if where]
    if listening:
        alone = all(is_loopback(host) for host in hosts)
        yield ok("đang nghe" + (", chỉ từ máy này" if alone else ""), "listening" + (", to this machine alone" if alone
                 else ""), listening=dict(listening))  # fmt: skip


CHECK = Check(
    "LT-D0802", "sources", Words("Syslog", "Syslog"),
    Words("Cổng syslog có đang nghe, và bao nhiêu bản tin bị bỏ vì đến quá nhanh.",
          "Whether syslog is listened for, and how many messages were refused for coming too fast."),
    look,
)  # fmt: skip
