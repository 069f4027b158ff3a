"""LT-D0801: each log source of [log]: there, readable, written to, rotated in time."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine, size, span
from sensors.roles.log import LogTable

SILENT_S = 86_400.0
LARGE_BYTES = 2_000_000_000
FILES = 1000


def look(machine: Machine) -> Iterator[Finding]:
    table = machine.table("log", LogTable)
    patterns = [*((file.path, "file") for file in table.files), *((path, "evtx") for path in table.evtx)]
    if not patterns:
        yield skipped("no-files", "[log] không đọc tệp nào", "[log] reads no files")
        return
    report = machine.reports.get("log", {})
    told = report.get("problems") or {} if machine.alive("log") else {}
    fine = 0
    for pattern, _ in patterns:
        found = glob.glob(pattern)[:FILES]  # noqa: PTH207  (the role's own matching)
        if not found:
            yield from _absent(machine, pattern)
            continue
        for path in found:
            wrong = list(_one(machine, path, told.get(path)))
            yield from wrong
            fine += not wrong
    vanished = int(report.get("vanished") or 0)
    if vanished:
        yield bad(
            "rotated-away",
            f"{vanished} tệp bị xóa hoặc xoay trước khi đọc hết: đã mất dòng",
            f"{vanished} files were removed or rotated before they were read: lines are lost",
            do(
                "Trong cấu hình logrotate: thêm `delaycompress` và giữ ít nhất một bản cũ",
                "In logrotate: add `delaycompress`, keep at least one old file",
            ),
            vanished=vanished,
        )
    if fine:
        yield ok(f"{fine} tệp đang được ghi và đọc được", f"{fine} files are written to and can be read", files=fine)


def _absent(machine: Machine, pattern: str) -> Iterator[Finding]:
    """Nothing matches: say what is missing on the way there."""
    path = Path(pattern)
    missing = next((one for one in (*reversed(path.parents), path) if not glob.glob(str(one))), path)  # noqa: PTH207
    closed = next(
        (one for one in reversed(path.parents) if one.is_dir() and not os.access(one, os.R_OK | os.X_OK)), None
    )
    if closed is not None:
        yield bad(
            "folder-unreadable",
            f"{pattern}: không vào được thư mục {closed}",
            f"{pattern}: the folder {closed} may not be entered",
            run(f"sudo setfacl -m u:$(id -un):rx {closed}"),
            path=pattern,
        )
        return
    others = [str(one) for one in (missing.parent.glob("*.log") if missing.parent.is_dir() else [])][:5]
    yield bad(
        "no-such-file",
        f"không có {missing}",
        f"there is no {missing}",
        do(
            f"Sửa [log] files trong {machine.path}" + (f"; ở đó có: {', '.join(others)}" if others else ""),
            f"Mend [log] files in {machine.path}" + (f"; there are: {', '.join(others)}" if others else ""),
        ),
        run(f"ls -l {missing.parent}"),
        path=pattern,
    )


def _one(machine: Machine, path: str, told: str | None) -> Iterator[Finding]:
    try:
        found = Path(path).stat()
    except OSError as error:
        yield bad(
            "unreadable", f"{path}: {error.strerror}", f"{path}: {error.strerror}", run(f"ls -lL {path}"), path=path
        )
        return
    if told or not os.access(path, os.R_OK) or not Path(path).is_file():
        why = told or ("không phải tệp / not a file" if not Path(path).is_file() else "Permission denied")
        yield bad(
            "unreadable",
            f"{path}: không đọc được ({why})",
            f"{path}: cannot be read ({why})",
            run(f"sudo setfacl -m u:{_user(machine)}:r {path}"),
            run("sudo usermod -aG adm " + _user(machine)),
            path=path,
            why=why,
        )
        return
    quiet = machine.clock.now() - found.st_mtime
    if not found.st_size and quiet > SILENT_S:
        yield note(
            "empty",
            f"{path}: trống",
            f"{path}: empty",
            do("Có phải chương trình ghi ra tệp khác?", "Does the program write elsewhere?"),
            path=path,
        )
    elif quiet > SILENT_S:
        yield note(
            "silent",
            f"{path}: im lặng {span(quiet).vi}",
            f"{path}: silent for {span(quiet).en}",
            do(
                "Chương trình ghi nhật ký đã dừng, hoặc ghi sang tệp khác sau khi xoay",
                "What writes it has stopped, or writes elsewhere since a rotation",
            ),
            run(f"ls -lt {Path(path).parent} | head"),
            path=path,
            silent_s=round(quiet),
        )
    elif quiet < -60:
        yield note(
            "future",
            f"{path}: ghi lúc chưa tới (giờ máy?)",
            f"{path}: written in the future (the clock?)",
            run("date"),
            path=path,
            silent_s=round(quiet),
        )
    if found.st_size > LARGE_BYTES:
        yield note(
            "large",
            f"{path}: {size(found.st_size)}, chưa được xoay",
            f"{path}: {size(found.st_size)}, not rotated",
            run("sudo logrotate -d /etc/logrotate.conf"),
            path=path,
            bytes=found.st_size,
        )


def _user(machine: Machine) -> str:
    """Whose right it is that matters: the log process's, else ours."""
    import pwd

    try:
        uid = Path(f"/proc/{machine.reports['log']['pid']}").stat().st_uid
    except (KeyError, OSError):
        uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


CHECK = Check(
    "LT-D0801",
    "sources",
    Words("Tệp nhật ký", "Log files"),
    Words(
        "Từng tệp của [log]: có đó, đọc được, còn được ghi, được xoay đúng cách, không quá lớn.",
        "Each file of [log]: there, readable, still written to, rotated as it should be, not too large.",
    ),
    look,
)
