"""The support bundle of `luytre doctor --bundle`: what somebody who helps from afar needs, and nothing that is secret.

    README.txt      what is in it, what was left out and why
    doctor.json     the checks
    config.txt      keys of luytre.toml; values only where the key is in OPEN, and only numbers, booleans, kinds
    processes.json  what each process reports, texts from outside left out
    versions.json   program, Python, operating system, libraries
    logs/<name>     the last LOG_BYTES of each process's own log, redacted

Never: events, the database, keys, tokens, spools. Redacted in every text: addresses (IP, MAC, e-mail), host and user
names that this machine knows, agencies' and people's names, tokens, links, anything long and random. The names are
replaced by the same mark each time ("ip-1"), so that a reader still sees what belongs together.
Bound: LOGS files, LOG_BYTES each. Written 0600.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import socket
import tarfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from api.node.checks._machine import Machine
from api.node.doctor_run import Report
from api.runtime import VERSION

LOGS, LOG_BYTES = 20, 128 * 1024
LIBRARIES = ("fastapi", "sqlalchemy", "tantivy", "cryptography", "msgspec", "urllib3", "zstandard", "scapy", "uvicorn")
# Keys of luytre.toml whose text value says nothing about anybody.
OPEN = {"role", "language", "kind", "coding", "raise_level", "format", "zone", "detectors"}
# What of a log line is kept: our own fixed words, names of errors, numbers. Everything else may quote a stranger.
LOG_KEYS = {"process", "event", "level", "time", "error", "code", "running", "refused", "count", "status", "method",
            "outcome", "job", "took_s", "lost", "stream", "serving", "state", "reason", "problem",
            "exception"}  # fmt: skip
_PATTERNS = (
    ("token", re.compile(r"(?:token=|ApiKey |Bearer |Basic )[A-Za-z0-9+/=_.\-]+", re.IGNORECASE)),
    ("pem", re.compile(r"-----BEGIN[^-]*-----.*?(?:-----END[^-]*-----|$)", re.DOTALL)),
    ("mail", re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")),
    ("url", re.compile(r"[a-z][a-z0-9+.\-]*://[^\s\"'<>]+", re.IGNORECASE)),
    ("home", re.compile(r"(?<=/home/)[^/\s\"']+")),
    ("mac", re.compile(r"\b(?:[0-9a-f]{2}[:\-]){5}[0-9a-f]{2}\b", re.IGNORECASE)),
    ("ip", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")),
    ("ip", re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{0,4}(?![\w:])|::[0-9a-f:]+", re.IGNORECASE)),
    (
        "name",
        re.compile(r"\b[a-z0-9][a-z0-9\-]*(?:\.[a-z0-9\-]+)*\.(?:vn|com|net|org|local|lan)\b", re.IGNORECASE),
    ),
    # Random: 24 letters and digits or more without a break, with both among them (keys, hashes, tokens).
    ("secret", re.compile(r"(?=[\w\-+=]*\d)(?=[\w\-+=]*[A-Za-z])[\w\-+=]{24,}", re.ASCII)),
    ("phone", re.compile(r"(?<!\d)(?:\+84|0)\d{8,10}(?!\d)")),
    ("id", re.compile(r"(?<!\d)\d{12}(?!\d)")),  # căn cước
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+\-]\d\d:\d\d)?")


class Redactor:
    """The same secret gets the same mark."""

    def __init__(self, names: Iterable[str]) -> None:
        words = sorted({name for name in names if len(name) >= 3}, key=len, reverse=True)
        self._names = re.compile("|".join(re.escape(word) for word in words), re.IGNORECASE) if words else None
        self._marks: dict[tuple[str, str], str] = {}

    def text(self, said: str) -> str:
        kept: list[str] = []

        def keep(found: re.Match[str]) -> str:
            kept.append(found[0])
            return f"\0{len(kept) - 1}\0"

        said = _TIME.sub(keep, said.replace("\0", ""))
        if self._names:
            said = self._names.sub(lambda found: self._mark("name", found[0]), said)
        for kind, pattern in _PATTERNS:
            said = pattern.sub(lambda found, kind=kind: self._mark(kind, found[0]), said)  # type: ignore[misc]
        return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], said)

    def value(self, body: Any) -> Any:
        if isinstance(body, str):
            return self.text(body)
        if isinstance(body, dict):
            return {self.text(str(key)): self.value(inner) for key, inner in body.items()}
        return [self.value(inner) for inner in body] if isinstance(body, list | tuple) else body

    def _mark(self, kind: str, secret: str) -> str:
        known = self._marks.setdefault((kind, secret.lower()), "")
        if not known:
            number = sum(one[0] == kind for one in self._marks)
            known = self._marks[kind, secret.lower()] = f"<{kind}-{number}>"
        return known


def names_of(machine: Machine) -> Iterator[str]:
    """Words of this machine and its people that no pattern would know."""
    node = machine.node
    yield from (node.name, node.agency, node.observer, socket.gethostname(), os.environ.get("USER", ""))
    for table in machine.raw.values():
        yield from _texts(table)
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    for query in ("SELECT username FROM user_account", "SELECT name FROM user_account", "SELECT name FROM agency",
                  "SELECT code FROM agency", "SELECT name FROM machines"):  # fmt: skip
        try:
            with machine.database() as connection:
                yield from (str(row[0]) for row in connection.execute(text(query + " LIMIT 5000")) if row[0])
        except (OSError, SQLAlchemyError):
            continue


def _texts(value: Any, key: str = "") -> Iterator[str]:
    """Texts of the configuration that name somebody or something; short fixed words are no names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str) and key not in OPEN and not value.startswith("/") and len(value) >= 4:
        yield value


def write(machine: Machine, report: Report, path: Path) -> list[str]:
    """The bundle at `path`; the names of what is in it."""
    redact = Redactor(names_of(machine))
    parts: dict[str, str] = {
        "doctor.json": _json(redact.value(report.json())),
        "config.txt": redact.text("\n".join(_config(machine.raw)) + "\n"),
        "processes.json": _json(redact.value(_processes(machine))),
        "versions.json": _json(_versions()),
    }
    for log in sorted((machine.data / "log").glob("*.log"))[:LOGS]:
        parts[f"logs/{log.name}"] = "".join(redact.text(line) + "\n" for line in _lines(log))
    listed = [*parts, "README.txt"]
    parts["README.txt"] = (
        f"Lũy Tre {VERSION}: gói hỗ trợ / support bundle\n\nCó trong gói / what is in it:\n"
        + "".join(f"  {name}  {len(parts[name].encode())} B\n" for name in parts)
        + "\nKhông có: sự kiện, cơ sở dữ liệu, khóa, mã ghi danh, hàng chờ. Địa chỉ, tên máy, tên người, đơn vị được"
        " thay bằng dấu.\nLeft out: events, the database, keys, tokens, spools. Addresses, names of hosts, people and"
        " agencies are replaced by marks.\nHãy đọc lại trước khi gửi đi. / Read it before you send it.\n"
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as bundle:
        for name, text in parts.items():
            data = text.encode()
            info = tarfile.TarInfo(f"luytre-doctor/{name}")
            info.size, info.mode, info.mtime = len(data), 0o600, int(report.at)
            bundle.addfile(info, io.BytesIO(data))
    return listed


def _config(raw: Any, path: str = "") -> Iterator[str]:
    for key, value in raw.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _config(value, name)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                yield from _config(inner if isinstance(inner, dict) else {"": inner}, f"{name}[{number}]")
        else:
            shown = isinstance(value, bool | int | float) or key.rpartition(".")[2] in OPEN
            yield f"{name.rstrip('.')} = {value if shown else '(…)'}"


def _processes(machine: Machine) -> dict[str, Any]:
    """Numbers and states; lists of rules are long, and paths and positions name files."""
    found = {name: {key: value for key, value in body.items() if key not in ("rules", "hits_by_rule", "correlations")}
             for name, body in machine.reports.items()}  # fmt: skip
    return found | {"supervisor": machine.supervisor}


def _versions() -> dict[str, str]:
    found = {"luytre": VERSION, "python": platform.python_version(), "kernel": platform.release(),
             "machine": platform.machine()}  # fmt: skip
    try:
        found["system"] = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    except OSError:
        found["system"] = "?"
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _lines(path: Path) -> Iterator[str]:
    """The newest lines, ours by key; what is not JSON (a library's last words) is cut short."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        lines = file.read(LOG_BYTES).decode("utf-8", "replace").splitlines()
    for line in lines:
        try:
            body = json.loads(line)
        except ValueError:
            yield line[:300]
            continue
        if isinstance(body, dict):
            yield json.dumps({key: value for key, value in body.items() if key in LOG_KEYS}, ensure_ascii=False)


def _json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"
