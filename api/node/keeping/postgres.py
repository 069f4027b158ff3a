"""What a dump of PostgreSQL holds, read without a server: rows by table, the schema's revision, the last audit entry.

In:  a file of `pg_dump --format=custom`. Out: `About`; LuytreError when `pg_restore` cannot read it to its end.
The whole file is unpacked on the way, so a damaged one is found when it is made and again when it is proved.
Bound: a line at a time; nothing is kept but counts.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sensors.errors import LuytreError, Problem

LINE_LIMIT_BYTES = 1 << 20  # of a row that is looked into; longer ones are still counted once
_COPY = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(([^)]*)\) FROM stdin;\n')
_END = b"\\.\n"


@dataclass(slots=True)
class About:
    rows: dict[str, int] = field(default_factory=dict)
    schema: str = ""
    audit: int = 0


def look(dump: Path) -> About:
    command = ["pg_restore", "--data-only", "--file=-", str(dump)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise _failed("pg_restore?") from None
    found = About()
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        _read(process.stdout, found)
        said = process.stderr.read(10_000).decode("utf-8", "replace").strip()[-300:]
    if process.returncode:
        raise _failed(said)
    return found


def _read(lines: IO[bytes], found: About) -> None:
    table, whole = "", True
    columns: list[str] = []
    while line := lines.readline(LINE_LIMIT_BYTES):
        begins, whole = whole, line.endswith(b"\n")
        if not begins:
            continue
        if not table:
            if start := _COPY.fullmatch(line):
                table, columns = start[1].decode(), [name.strip(b' "').decode() for name in start[2].split(b",")]
                found.rows[table] = 0
        elif line == _END:
            table = ""
        else:
            found.rows[table] += 1
            if table == "alembic_version":
                found.schema = line.strip().decode()
            elif table == "audit_entry":
                found.audit = max(found.audit, int(line.split(b"\t")[columns.index("seq")]))


def _failed(said: str) -> LuytreError:
    return LuytreError(
        Problem("LT-N0523", f"pg_restore không đọc được bản sao: {said}", f"pg_restore cannot read the copy: {said}")
    )
