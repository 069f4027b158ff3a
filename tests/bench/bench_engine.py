"""Events a second through the rules on one core: ours with ordinary events, SigmaHQ's with recorded attacks made anew.

Inputs: made events (web requests, log-ins, DNS, flows) with our rules, by the product's own `luytre-correlator bench`.
When the third-party data is there: streams of 300,000 Windows events (quick: 12,000) with fresh ids, times, hosts and
0, 20, 100 % of them with words never seen (tests/bench/streams), through all of SigmaHQ's rules; and, where `rsigma` is
on PATH, RSigma over the same events, in turns on the same core. Decoding, flattening and routing are in our figures.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensors.event import Event, encode, new_event
from tests.bench.streams import peer
from tests.bench.streams.corpus import corpus
from tests.bench.streams.make import MIXES, write

NAME = "engine"
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
NOVELTY = (0.0, 0.2, 1.0)
COUNTS = (500, 1_000, 2_400, 3_700)
ROUNDS = 2  # each; the lesser processor time counts: what is over it is the neighbours'
_BENCH = "import sys; from correlator.cli import main; sys.exit(main(['bench', *sys.argv[1:]]))"


def run(quick: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / "made.jsonl"
        made.write_bytes(b"\n".join(encode(event) for event in _made(2_000 if quick else 20_000)))
        found: dict[str, object] = {"our rules, ordinary events": _bench([made])}
        rules = sigma(folder)
        if rules is not None:
            found["SigmaHQ's rules, Windows events"] = Weighing(folder, rules, quick).run()
        return found


class Weighing:
    """Our engine and RSigma over the same events, in turns."""

    def __init__(self, folder: Path, rules: Path, quick: bool) -> None:
        self._folder, self._rules, self._quick = folder, rules, quick
        self._core = max(os.sched_getaffinity(0))
        self._base: dict[tuple[str, Path], peer.Load] = {}
        program = peer.rsigma()
        self._engines = {"ours": peer.Words()} | ({"rsigma": peer.Words(program)} if program else {})
        self._program = program

    def run(self) -> dict[str, Any]:
        count = 12_000 if self._quick else 300_000
        base = corpus(DATA, self._folder)
        found: dict[str, Any] = {"rules files": len(list(self._rules.rglob("*.yml"))), "events": count}
        found["rsigma"] = peer.version(self._program) if self._program else "not on PATH"
        stream = self._folder / "stream"
        for mix in MIXES:
            for novelty in NOVELTY:
                made = write(base, stream, count=count, novelty=novelty, mix=mix)
                found[f"{mix}, {novelty:.0%} new"] = self._weigh(stream, self._rules) | {"mb": made["mb"]}
        write(base, stream, count=count // 3, novelty=0.2)
        for rules in COUNTS:
            found[f"mix, 20% new, {rules:,} rules"] = self._weigh(stream, self._some(rules))
        found["luytre-correlator bench, mix, 20% new"] = _bench(
            [stream.with_suffix(".jsonl")], "--rules", str(self._rules)
        )
        return found

    def _weigh(self, stream: Path, rules: Path) -> dict[str, Any]:
        inputs = {"ours": stream.with_suffix(".jsonl"), "rsigma": stream.with_suffix(".flat.jsonl")}
        best: dict[str, peer.Weight] = {}
        for _ in range(1 if self._quick else ROUNDS):
            for name, words in self._engines.items():
                key = (name, rules)
                if key not in self._base:
                    self._base[key] = peer.loading(words, rules, inputs[name], self._folder, self._core)
                one = peer.weigh(words, rules, inputs[name], self._folder, self._core, self._base[key])
                best[name] = min(one, best.get(name, one), key=lambda weight: weight.cpu_s)
        found: dict[str, Any] = {name: weight.shown() for name, weight in best.items()}
        if "rsigma" in best and best["ours"].cpu_s > 0:
            found["ours / rsigma"] = round(best["rsigma"].cpu_s / best["ours"].cpu_s, 2)
            found["ours / rsigma, steady"] = round(best["ours"].steady_per_s / max(1, best["rsigma"].steady_per_s), 2)
        return found

    def _some(self, count: int) -> Path:
        """A folder of `count` rule files, drawn by the hash of their names: the same ones every time."""
        folder = self._folder / f"rules-{count}"
        if not folder.is_dir():
            folder.mkdir()
            files = sorted(
                self._rules.rglob("*.yml"), key=lambda path: hashlib.blake2b(path.name.encode(), digest_size=8).digest()
            )
            for number, path in enumerate(files[:count]):
                shutil.copy(path, folder / f"{number:05}.yml")
        return folder


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


def sigma(folder: Path) -> Path | None:
    """SigmaHQ's rules, unpacked."""
    archive = DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz"
    if not archive.is_file():
        return None
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "sigma", filter="data")
    return folder / "sigma"
