"""LT-D0403: whether the data folder is there, ours to write, and on a disk that keeps what fsync promised."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine

NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph", "afs", "fuse.s3fs"}


def look(machine: Machine) -> Iterator[Finding]:
    folder = machine.data
    if not folder.is_dir():
        yield bad(
            "no-data-folder",
            f"không có thư mục {folder}",
            f"there is no folder {folder}",
            run(f"sudo install -d -m 0700 -o $(id -un) {folder}"),
            run(machine.luytre("up")),
            path=str(folder),
        )
        return
    kind, options = mount_of(folder, machine.text("proc/self/mounts"))
    found = folder.stat()
    measured = {"path": str(folder), "file_system": kind, "mode": oct(stat.S_IMODE(found.st_mode))}
    wrong = False
    if "ro" in options.split(","):
        wrong = True
        yield bad(
            "read-only",
            f"{folder} nằm trên hệ tệp chỉ đọc ({kind})",
            f"{folder} is on a read-only file system ({kind})",
            run("sudo dmesg | tail -n 20"),
            run(f"sudo mount -o remount,rw {_point(folder, machine)}"),
            **measured,
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        wrong = True
        yield bad(
            "not-writable",
            f"người dùng này không ghi được vào {folder}",
            f"this user cannot write to {folder}",
            run(f"sudo chown -R $(id -un) {folder}"),
            uid=os.getuid(),
            owner=found.st_uid,
            **measured,
        )
    if kind in NETWORK:
        wrong = True
        yield bad(
            "network-disk",
            f"{folder} nằm trên ổ mạng ({kind}): khóa tệp và fsync không đáng tin",
            f"{folder} is on a network disk ({kind}): locks and fsync cannot be relied on",
            do(
                "Đặt [node] data trên ổ trong máy rồi chuyển thư mục sang",
                "Put [node] data on a local disk and move the folder",
            ),
            **measured,
        )
    elif kind in ("tmpfs", "ramfs"):
        wrong = True
        yield note(
            "memory-disk",
            f"{folder} nằm trong bộ nhớ ({kind}): mất khi tắt máy",
            f"{folder} is in memory ({kind}): gone at power-off",
            do("Đặt [node] data trên ổ đĩa thật", "Put [node] data on a real disk"),
            **measured,
        )
    if found.st_mode & stat.S_IWOTH:
        wrong = True
        yield bad(
            "open-folder",
            f"ai cũng ghi được vào {folder}",
            f"anybody may write to {folder}",
            run(f"chmod o-rwx {folder}"),
            **measured,
        )
    if not wrong:
        yield ok(f"{folder} ({kind})", f"{folder} ({kind})", **measured)


def mount_of(path: Path, mounts: str) -> tuple[str, str]:
    """(file system, options) of the mount that holds a path."""
    best, found = -1, ("?", "")
    whole = str(path.resolve())
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        point = words[1].encode().decode("unicode_escape")
        inside = whole == point or whole.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, found = len(point), (words[2], words[3])
    return found


def _point(path: Path, machine: Machine) -> str:
    points = [line.split()[1] for line in machine.text("proc/self/mounts").splitlines() if len(line.split()) > 3]
    whole = str(path.resolve())
    return max((p for p in points if whole == p or whole.startswith(p.rstrip("/") + "/")), key=len, default="/")


CHECK = Check(
    "LT-D0403",
    "storage",
    Words("Thư mục dữ liệu", "Data folder"),
    Words(
        "Thư mục dữ liệu có đó, ghi được, nằm trên ổ trong máy, không mở cho người khác.",
        "The data folder is there, can be written, lies on a local disk and is not open to others.",
    ),
    look,
)
