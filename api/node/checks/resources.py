"""LT-D1103: memory and processor of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine, size

LEAST_BYTES = {"node": 1_800_000_000, "sensor": 450_000_000}  # "2 GB" and "512 MB" less what the kernel keeps
FREE_BYTES = 150_000_000
# x86-64-v2: what distributions since 2022 are built for. https://gitlab.com/x86-psABIs/x86-64-ABI
V2 = {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}


def look(machine: Machine) -> Iterator[Finding]:
    said = dict(re.findall(r"^(\w+):\s+(\d+) kB", machine.text("proc/meminfo"), re.MULTILINE))
    total, free = int(said.get("MemTotal", 0)) * 1024, int(said.get("MemAvailable", 0)) * 1024
    cpus = os.cpu_count() or 1
    measured = {"memory_bytes": total, "available_bytes": free, "processors": cpus}
    least = LEAST_BYTES[machine.where]
    if total and free < FREE_BYTES:
        yield bad(
            "no-memory",
            f"bộ nhớ chỉ còn {size(free)} trong {size(total)}",
            f"only {size(free)} of {size(total)} of memory is left",
            run("ps -eo rss,pid,comm --sort=-rss | head"),
            **measured,
        )
    elif total and total < least:
        yield note(
            "little-memory",
            f"máy có {size(total)} bộ nhớ, nên có {size(least)}",
            f"the machine has {size(total)} of memory, {size(least)} is advised",
            do("Thêm bộ nhớ, hoặc chuyển cảm biến sang máy khác", "Add memory, or move the sensors elsewhere"),
            **measured,
        )
    else:
        yield ok(
            f"{cpus} nhân, bộ nhớ trống {size(free)} trong {size(total)}",
            f"{cpus} processors, {size(free)} of {size(total)} of memory free",
            **measured,
        )
    flags = re.search(r"^flags\s*:\s*(.*)$", machine.text("proc/cpuinfo"), re.MULTILINE)
    lacking = sorted(V2 - set(flags[1].split())) if flags else []
    if lacking:
        yield bad(
            "old-processor",
            f"bộ xử lý không đạt x86-64-v2: thiếu {', '.join(lacking)}",
            f"the processor is below x86-64-v2: no {', '.join(lacking)}",
            do(
                "Máy ảo: đặt kiểu CPU là `host` hoặc x86-64-v2; máy thật: cần máy từ năm 2009 trở lại đây",
                "A virtual machine: set its CPU type to `host` or x86-64-v2; else: a machine made after 2009",
            ),
            lacking=lacking,
        )


CHECK = Check(
    "LT-D1103",
    "machine",
    Words("Bộ nhớ, bộ xử lý", "Memory, processor"),
    Words(
        "Bộ nhớ có và còn trống; bộ xử lý đạt x86-64-v2 (thư viện tìm kiếm cần).",
        "Memory there and free; a processor of x86-64-v2 at least (the search library needs it).",
    ),
    look,
)
