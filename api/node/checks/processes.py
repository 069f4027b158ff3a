"""LT-D1102: whether every process that should run does, reports, and stays up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import FRESH_S, Machine, is_alive, size
from api.node.programs import of_node

RESTARTS = 3
MEMORY_BYTES = 1_500_000_000  # of one process; a whole node is promised within 2 GB
LOG_BYTES = 64 * 1024
_CODE = re.compile(r"(?:lỗi|error)\[(LT-[A-Z]\d{4})\]: (.*)")
REPORTS = {"luytre-api": "luytre-api", "luytre-index": "index", "luytre-run": "correlator"}


def reports_as(program: str) -> str:
    """The name in run/*.json of a program that the supervisor knows by another."""
    return REPORTS.get(program, program.removeprefix("luytre-"))


def look(machine: Machine) -> Iterator[Finding]:
    children = machine.supervisor.get("children", {}) if is_alive(machine.supervisor.get("pid")) else {}
    wanted = [program.name for program in of_node(machine.config)] if machine.config else []
    if not machine.started():
        yield bad(
            "not-running",
            "không tiến trình nào của nút đang chạy",
            "no process of this node is running",
            run(machine.restart()),
            wanted=wanted,
        )
        return
    fine = []
    for name in dict.fromkeys([*wanted, *children]):
        found = list(_one(machine, name, children.get(name)))
        yield from found
        if not found:
            fine.append(name.removeprefix("luytre-"))
    if fine:
        total = sum(memory(machine.reports.get(reports_as(f"luytre-{name}"), {}).get("pid")) for name in fine)
        yield ok(
            f"{len(fine)} tiến trình chạy tốt: {', '.join(fine)} ({size(total)})",
            f"{len(fine)} processes run well: {', '.join(fine)} ({size(total)})",
            running=fine,
            memory_bytes=total,
        )


def _one(machine: Machine, name: str, child: dict[str, object] | None) -> Iterator[Finding]:
    report = machine.reports.get(reports_as(name), {})
    said, why = last_error(machine.data / "log" / f"{name}.log")
    tail = run(f"tail -n 20 {machine.data / 'log' / (name + '.log')}")
    if child and child.get("given_up"):
        yield bad(
            "given-up",
            f"{name} đã dừng hẳn (mã {child.get('last_exit')}): {why or 'xem nhật ký'}",
            f"{name} stays down (exit {child.get('last_exit')}): {why or 'see its log'}",
            run(machine.luytre("config check")) if child.get("last_exit") == 78 else tail,
            run(machine.restart()),
            process=name,
            exit=child.get("last_exit"),
            code=said,
        )
        return
    up = is_alive(child.get("pid")) if child else is_alive(report.get("pid"))
    restarts = int(str(child.get("restarts", 0))) if child else 0
    if not up:
        yield bad(
            "down",
            f"{name} không chạy" + (f", đã khởi động lại {restarts} lần" if restarts else ""),
            f"{name} is not running" + (f", started again {restarts} times" if restarts else ""),
            tail,
            run(machine.restart()),
            process=name,
            restarts=restarts,
            code=said,
        )
        return
    age = machine.clock.now() - float(report.get("started", 0.0))
    if restarts >= RESTARTS and (age < FRESH_S or report.get("pid") != (child or {}).get("pid")):
        yield bad(
            "restarting",
            f"{name} khởi động lại liên tục ({restarts} lần): {why or 'xem nhật ký'}",
            f"{name} starts again and again ({restarts} times): {why or 'see its log'}",
            tail,
            process=name,
            restarts=restarts,
            code=said,
        )
        return
    if restarts >= RESTARTS:
        yield note(
            "restarted",
            f"{name} đã khởi động lại {restarts} lần",
            f"{name} was started again {restarts} times",
            tail,
            process=name,
            restarts=restarts,
        )
    silent = machine.clock.now() - float(report.get("updated", 0.0))
    if report and silent > FRESH_S:
        yield bad(
            "stuck",
            f"{name} không báo cáo trong {silent:.0f} giây",
            f"{name} has not reported for {silent:.0f} s",
            do(
                "Tiến trình có thể bị treo hoặc ổ đĩa không ghi được; xem nhật ký rồi khởi động lại",
                "The process may hang, or the disk takes nothing; see its log, then start it anew",
            ),
            tail,
            process=name,
            silent_s=round(silent),
        )
    used = memory(report.get("pid"))
    if used > MEMORY_BYTES:
        yield note(
            "memory",
            f"{name} dùng {size(used)} bộ nhớ",
            f"{name} uses {size(used)} of memory",
            run(f"kill -TERM {report.get('pid')}"),
            process=name,
            memory_bytes=used,
        )


def memory(pid: object) -> int:
    """Resident bytes."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8")
        return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS:")), 0)
    except (OSError, ValueError, IndexError):
        return 0


def last_error(path: Path) -> tuple[str, str]:
    """(code, message) of the last error of ours in a log; the process wrote it for people already."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_BYTES))
            found = _CODE.findall(file.read().decode("utf-8", "replace"))
    except OSError:
        return "", ""
    return (found[-1][0], f"{found[-1][0]} {found[-1][1][:200]}") if found else ("", "")


CHECK = Check(
    "LT-D1102",
    "machine",
    Words("Tiến trình", "Processes"),
    Words(
        "Mỗi tiến trình cần có đang chạy, có báo cáo trong 60 giây, không khởi động lại liên tục, và bộ nhớ của nó.",
        "Each process that should run does, has reported within 60 s, does not start again and again, and its memory.",
    ),
    look,
)
