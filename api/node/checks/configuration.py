"""LT-D1101: whether luytre.toml can be used by every program that reads it."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, ok, run
from api.node.checks._machine import Machine
from sensors.errors import ConfigError


def look(machine: Machine) -> Iterator[Finding]:
    problems = list(machine.problems)
    if machine.config is not None:
        from api.node.check import check

        try:
            check(machine.config)
        except ConfigError as error:
            problems.extend(error.problems)
    if not problems:
        tables = len(machine.raw)
        yield ok(f"{machine.path}: {tables} bảng, không lỗi", f"{machine.path}: {tables} tables, no error",
                 tables=tables)  # fmt: skip
        return
    for problem in problems[:20]:
        missing = problem.code == "LT-C0100"
        yield bad("no-configuration" if missing else "configuration",
                  f"{problem.place}: {problem.vi}", f"{problem.place}: {problem.en}",
                  *((do("Tạo nút mới trên máy này, hoặc nói rõ tệp bằng --config",
                        "Make a node on this machine, or name the file by --config"), run("luytre init"))
                    if missing else (run(machine.luytre("config check")),)),
                  code=problem.code, line=problem.place.line, key=problem.place.key)  # fmt: skip


CHECK = Check(
    "LT-D1101", "machine", Words("Cấu hình", "Configuration"),
    Words("Đọc luytre.toml và conf.d như từng chương trình sẽ đọc; nêu mọi lỗi cùng vị trí.",
          "Reads luytre.toml and conf.d as each program will; names every problem with its place."),
    look,
)  # fmt: skip
