"""LT-D0407: Elasticsearch: answers, is of a version that is tried, healthy, and below its disk watermarks."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine
from correlator.store.config import StoreTable
from sensors.errors import LuytreError
from sensors.wire import Wire, tls_context

TIMEOUT_S = 8.0
VERSIONS = ("8.19", "9.")
LOW, HIGH = 85, 90  # cluster.routing.allocation.disk.watermark.low, .high


def look(machine: Machine) -> Iterator[Finding]:
    table = machine.table("store", StoreTable)
    if table.kind != "elasticsearch":
        yield skipped("embedded", "nút này dùng kho nhúng", "this node uses the embedded store")
        return
    spot = table.url
    headers = {}
    if table.username:
        try:
            password = Path(table.password_file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            yield bad("password-file", f"không đọc được [store] password_file {table.password_file}: {_why(error)}",
                      f"[store] password_file {table.password_file} cannot be read: {_why(error)}",
                      run(f"ls -l {table.password_file or '(password_file)'}"))  # fmt: skip
            return
        headers["authorization"] = "Basic " + base64.b64encode(f"{table.username}:{password}".encode()).decode()
    try:
        tls = tls_context(Path(table.ca_file)) if table.ca_file else None
    except (OSError, ValueError) as error:
        yield bad("ca-file", f"không đọc được [store] ca_file: {_why(error)}", f"[store] ca_file: {_why(error)}",
                  run(f"ls -l {table.ca_file}"))  # fmt: skip
        return
    wire = Wire(spot, tls, timeout_s=TIMEOUT_S, headers=headers)
    try:
        yield from _ask(machine, wire, spot)
    except LuytreError as error:
        yield bad("search-unreachable", f"{spot}: {error.problems[0].vi}", f"{spot}: {error.problems[0].en}",
                  do("Elasticsearch chưa chạy, [store] url sai, hoặc chứng thư không được tin",
                     "Elasticsearch is down, [store] url is wrong, or its certificate is not trusted"),
                  run(f"curl -sS -o /dev/null -w '%{{http_code}}\\n' {spot}"))  # fmt: skip
    finally:
        wire.close()


def _ask(machine: Machine, wire: Wire, spot: str) -> Iterator[Finding]:
    first = wire.ask("GET", "/")
    if first.status in (401, 403):
        yield bad("search-refused", f"{spot} từ chối tài khoản ({first.status})", f"{spot} refuses the account "
                  f"({first.status})", do("Xem [store] username, password_file", "See [store] username, password_file"),
                  status=first.status)  # fmt: skip
        return
    body = first.json()
    version = str(_at(body, "version", "number") or "")
    if first.status != 200 or not version:
        yield bad("not-search", f"{spot} không phải Elasticsearch (HTTP {first.status})",
                  f"{spot} is not Elasticsearch (HTTP {first.status})", run(machine.luytre("config check")),
                  status=first.status)  # fmt: skip
        return
    if not version.startswith(VERSIONS):
        yield note("search-version", f"Elasticsearch {version} chưa được thử; cần 8.19 hoặc 9",
                   f"Elasticsearch {version} is not tried; 8.19 or 9 is", do("Nâng cấp Elasticsearch",
                   "Upgrade Elasticsearch"), version=version)  # fmt: skip
    health = wire.ask("GET", "/_cluster/health").json()
    status = str(_at(health, "status") or "?")
    if status == "red":
        yield bad("search-red", "cụm Elasticsearch đỏ: có phần dữ liệu không đọc được", "the cluster is red: some data "
                  "cannot be read", run(f"curl -s {spot}/_cluster/allocation/explain?pretty"),
                  version=version, status=status)  # fmt: skip
    rows = wire.ask("GET", "/_cat/allocation?format=json&h=node,disk.percent").json()
    for row in rows if isinstance(rows, list) else []:
        used = 0
        with contextlib.suppress(ValueError, TypeError):
            used = int(row.get("disk.percent") or 0) if isinstance(row, dict) else 0
        if used >= LOW:
            yield (bad if used >= HIGH else note)("search-disk", f"ổ của Elasticsearch đầy {used} % (mốc {HIGH} %)",
                f"Elasticsearch's disk is {used} % full (watermark {HIGH} %)",
                do("Mở rộng ổ hoặc giảm [store] days", "Enlarge the disk or lower [store] days"), used_percent=used,
            )  # fmt: skip
    if status != "red":
        yield ok(f"Elasticsearch {version}, {status}", f"Elasticsearch {version}, {status}", version=version,
                 status=status)  # fmt: skip


def _at(body: Any, *path: str) -> Any:
    for word in path:
        body = body.get(word) if isinstance(body, dict) else None
    return body


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


CHECK = Check(
    "LT-D0407", "storage", Words("Elasticsearch", "Elasticsearch"),
    Words("Nếu [store] kind là elasticsearch: trả lời, phiên bản, sức khỏe cụm, mốc đầy ổ đĩa.",
          "Where [store] kind is elasticsearch: it answers, its version, the cluster's health, disk watermarks."),
    look, where=frozenset(("node",)), cheap=False,
)  # fmt: skip
