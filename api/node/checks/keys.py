"""LT-D0702: who may read the private keys and password files."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from api.config import ApiTable
from api.node.checks import Check, Finding, Words, bad, ok, run
from api.node.checks._machine import Machine
from correlator.store.config import StoreTable


def look(machine: Machine) -> Iterator[Finding]:
    api, store = machine.table("api", ApiTable), machine.table("store", StoreTable)
    files = [*machine.keys.glob("*.key"), *(Path(one) for one in (api.people_key, store.password_file) if one)]
    fine = 0
    for path in files:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            yield bad("key-missing", f"{path}: {error.strerror}", f"{path}: {error.strerror}", run(f"ls -l {path}"),
                      path=str(path))  # fmt: skip
            continue
        if mode & 0o077:
            yield bad("open-key", f"{path.name}: người khác đọc được (quyền {mode:04o})",
                      f"{path.name}: others may read it (mode {mode:04o})", run(f"chmod 600 {path}"),
                      path=str(path), mode=f"{mode:04o}")  # fmt: skip
        else:
            fine += 1
    if fine == len(files):
        yield ok(f"{fine} khóa, chỉ chủ sở hữu đọc được", f"{fine} keys, for their owner alone", count=fine)


CHECK = Check(
    "LT-D0702", "certificates", Words("Quyền của khóa", "Keys' modes"),
    Words("Khóa riêng và tệp mật khẩu chỉ chủ sở hữu được đọc (0600).",
          "Private keys and password files are for their owner alone (0600)."),
    look,
)  # fmt: skip
