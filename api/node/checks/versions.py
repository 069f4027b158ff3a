"""LT-D0901: one version everywhere: what runs is what is installed."""

from __future__ import annotations

import platform
import sqlite3
import ssl
from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, note, ok, run
from api.node.checks._machine import Machine
from api.runtime import VERSION
from sensors.version import version


def look(machine: Machine) -> Iterator[Finding]:
    installed = version() or VERSION
    measured = {
        "luytre": installed,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION.split()[1],
    }
    skew = {
        name: str(report["version"])
        for name, report in machine.reports.items()
        if machine.alive(name) and report.get("version") not in (None, "", installed)
    }
    if skew:
        shown = ", ".join(f"{name} {version}" for name, version in skew.items())
        yield note(
            "version-skew",
            f"đang chạy bản cũ: {shown}; đã cài {installed}",
            f"an old version runs: {shown}; {installed} is installed",
            run(machine.restart()),
            running=skew,
            **measured,
        )
    else:
        names = ("Lũy Tre", "Python", "SQLite", "OpenSSL")
        text = ", ".join(f"{name} {version}" for name, version in zip(names, measured.values(), strict=True))
        yield ok(text, text, **measured)


CHECK = Check(
    "LT-D0901",
    "versions",
    Words("Phiên bản", "Versions"),
    Words(
        "Phiên bản của chương trình đã cài và của từng tiến trình đang chạy.",
        "The version installed, and that of each process that runs.",
    ),
    look,
)
