"""LT-D1105: SELinux and AppArmor: what may silently forbid a program what its owner may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, note, ok, run
from api.node.checks._machine import Machine, is_alive


def look(machine: Machine) -> Iterator[Finding]:
    confined = []
    for name, report in machine.reports.items():
        if is_alive(report.get("pid")):
            try:
                label = Path(f"/proc/{report['pid']}/attr/current").read_text("utf-8").strip("\0\n ")
            except OSError:
                continue
            if label and "unconfined" not in label:
                confined.append(f"{name}: {label[:80]}")
    if machine.text("sys/fs/selinux/enforce").strip() == "1":
        yield note("selinux", "SELinux đang cưỡng chế; nếu tệp nhật ký không đọc được dù quyền đúng thì do đây",
                   "SELinux is enforcing; a log that cannot be read though its mode is right is this",
                   run("sudo ausearch -m avc -ts recent"), run("ls -Z /var/log"), confined=confined)  # fmt: skip
    elif confined and not any("kernel" in one for one in confined):
        yield note("apparmor", f"AppArmor giới hạn: {'; '.join(confined)}", f"AppArmor confines {'; '.join(confined)}",
                   run("sudo journalctl -k -g apparmor=\\\"DENIED\\\" -n 20"), confined=confined)  # fmt: skip
    else:
        yield ok("không có chính sách nào giới hạn tiến trình", "no policy confines the processes")


CHECK = Check(
    "LT-D1105", "machine", Words("SELinux, AppArmor", "SELinux, AppArmor"),
    Words("Chính sách bắt buộc của hệ điều hành có đang giới hạn tiến trình của Lũy Tre không.",
          "Whether the operating system's mandatory policy confines Lũy Tre's processes."),
    look,
)  # fmt: skip
