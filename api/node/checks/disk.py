"""LT-D0401: room on the file system of the data folder, in bytes and in inodes."""

from __future__ import annotations

import os
from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine, size

BAD_SHARE, NOTE_SHARE = 0.03, 0.10
BAD_BYTES = 500_000_000  # what a group commit, an index merge and the database need at once
INODES = 5000


def look(machine: Machine) -> Iterator[Finding]:
    folder = next((path for path in (machine.data, *machine.data.parents) if path.exists()), None)
    if folder is None:
        yield skipped("no-folder", "không có thư mục dữ liệu", "there is no data folder")
        return
    found = os.statvfs(folder)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    share = free / total if total else 1.0
    measured = {"free_bytes": free, "total_bytes": total, "inodes_free": found.f_favail}
    vi, en = f"còn {size(free)} trong {size(total)} ({share:.0%})", f"{size(free)} of {size(total)} free ({share:.0%})"
    fixes = (do("Dọn ổ, gắn ổ lớn hơn, hoặc giữ ít ngày hơn: [store] days hay limit_bytes",
                "Clean the disk, mount a larger one, or keep fewer days: [store] days or limit_bytes"),
             run(f"du -xh --max-depth=2 {machine.data} | sort -h | tail"))  # fmt: skip
    if share < BAD_SHARE or free < min(BAD_BYTES, total // 4):
        yield bad("disk-full", vi, en, *fixes, **measured)
    elif share < NOTE_SHARE:
        yield note("disk-low", vi, en, *fixes, **measured)
    else:
        yield ok(vi, en, **measured)
    if found.f_files and found.f_favail < INODES:
        yield bad("inodes", f"chỉ còn {found.f_favail} inode: không tạo được tệp mới",
                  f"only {found.f_favail} inodes left: no new files",
                  run(f"find {folder} -xdev -type f | cut -d/ -f1-5 | sort | uniq -c | sort -n | tail"),
                  **measured)  # fmt: skip


CHECK = Check(
    "LT-D0401", "storage", Words("Ổ đĩa", "Disk"),
    Words("Chỗ trống của hệ tệp chứa dữ liệu, tính bằng byte và inode. Lỗi dưới 3 % hoặc 500 MB, lưu ý dưới 10 %.",
          "Free room of the data's file system, in bytes and inodes. Bad below 3 % or 500 MB, a note below 10 %."),
    look,
)  # fmt: skip
