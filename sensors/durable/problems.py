"""What can be wrong with a log, in words for people."""

from __future__ import annotations

from pathlib import Path

from sensors.errors import ConfigError, Damaged, Place, Problem, Unavailable


class Full(Unavailable):
    """There is no room on the disk. Nothing was written; the writer lives."""


def held(folder: Path) -> Unavailable:
    return Unavailable(
        Problem(
            "LT-D0001",
            "một tiến trình khác đang ghi nhật ký này",
            "another process is writing this log",
            Place(file=str(folder)),
        )
    )


def full(folder: Path) -> Full:
    return Full(
        Problem(
            "LT-D0002",
            "ổ đĩa đã đầy: không ghi thêm được vào nhật ký",
            "the disk is full: the log cannot grow",
            Place(file=str(folder)),
        )
    )


def dead(folder: Path) -> Damaged:
    return Damaged(
        Problem(
            "LT-D0003",
            "lần ghi trước đã thất bại; phải khởi động lại để khôi phục nhật ký",
            "an earlier write failed; the process must start again to recover the log",
            Place(file=str(folder)),
        )
    )


def newer(path: Path) -> ConfigError:
    return ConfigError(
        Problem(
            "LT-D0004",
            "thư mục nhật ký do phiên bản mới hơn ghi; phiên bản này không đọc được",
            "the log folder was written by a newer version, which this one cannot read",
            Place(file=str(path)),
        )
    )
