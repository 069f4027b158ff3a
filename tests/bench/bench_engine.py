"""Events a second through rules and correlations on one core, by the product's own `luytre-correlator bench`.

Inputs: ordinary made events (web requests, log-ins, DNS, flows) with our rules; when the third-party data is there,
also recorded Windows attack events with SigmaHQ's public rules. Decoding each event from JSON is in the figure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensors.event import Event, encode, new_event

NAME = "engine"
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
_BENCH = "import sys; from correlator.cli import main; sys.exit(main(['bench', *sys.argv[1:]]))"


def run(quick: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / "made.jsonl"
        made.write_bytes(b"\n".join(encode(event) for event in _made(2_000 if quick else 20_000)))
        found: dict[str, object] = {"our rules, ordinary events": _bench([made])}
        records = _windows(folder, 200 if quick else 2_000)
        rules = _sigma(folder)
        if records and rules:
            found["SigmaHQ's rules, Windows attack events"] = _bench(records, "--rules", str(rules))
        return found


def _bench(files: list[Path], *words: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _BENCH, *words, *map(str, files)], cwd=ROOT, check=True,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _made(count: int) -> Iterator[Event]:
    start = 1_795_323_000
    for at in range(0, count, 4):
        host = f"10.1.{at // 250 % 250}.{at % 250 + 1}"
        away = f"203.0.113.{at % 250 + 1}"
        yield new_event("nginx.access", start + at, {
            "event.id": f"w{at}", "source.ip": away, "http.request.method": "GET", "url.original": f"/ho-so?ma={at}",
            "url.path": "/ho-so", "url.query": f"ma={at}", "http.response.status_code": 200,
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        })  # fmt: skip
        yield new_event("system.auth", start + at, {
            "event.id": f"a{at}", "event.action": "ssh_login", "event.category": ["authentication"],
            "event.outcome": "failure" if at % 40 == 0 else "success", "source.ip": host, "user.name": f"u{at % 50}",
            "host.name": "may1", "process.name": "sshd",
        })  # fmt: skip
        yield new_event("network.dns", start + at, {
            "event.id": f"d{at}", "source.ip": host, "destination.ip": "10.1.0.53", "dns.question.type": "A",
            "dns.question.name": f"may{at % 900}.vi-du.gov.vn", "dns.response_code": "NOERROR",
        })  # fmt: skip
        yield new_event("network.flow", start + at, {
            "event.id": f"f{at}", "source.ip": host, "source.port": 40_000 + at % 20_000, "destination.ip": away,
            "destination.port": 443, "network.transport": "tcp", "network.protocol": "tls", "source.bytes": 900,
            "destination.bytes": 4_000, "luytre.flow.state": "SF",
        })  # fmt: skip


def _windows(folder: Path, limit: int) -> list[Path]:
    """Recorded attack files, the small ones first, with about `limit` records."""
    index = DATA / "evtx_attack" / "index.jsonl"
    if not index.is_file():
        return []
    rows = sorted(map(json.loads, index.read_text("utf-8").splitlines()), key=lambda row: int(row["records"]))
    chosen: set[str] = set()
    total = 0
    for row in rows:
        if total + int(row["records"]) > limit:
            break
        total += int(row["records"])
        chosen.add(row["input"].partition("!")[2])
    with tarfile.open(DATA / "evtx_attack" / "evtx_attack.tar.xz") as tar:
        tar.extractall(folder / "evtx", [one for one in tar if one.name in chosen], filter="data")
    return sorted((folder / "evtx").rglob("*.evtx"))


def _sigma(folder: Path) -> Path | None:
    archive = DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz"
    if not archive.is_file():
        return None
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "sigma", filter="data")
    return folder / "sigma"
