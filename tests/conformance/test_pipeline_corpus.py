"""The whole pipeline over recorded Windows events, all of SigmaHQ's rules: as lines and decoded first, byte for byte.

Third-party data (`evtx_attack`, `sigma_rules` below LUYTRE_CONFORMANCE_DATA or ../shared/data); left out without it.
With the detectors, a set of indicators that some events meet, and a correlation over what one of the rules finds.
"""

import json
import os
import tarfile
from pathlib import Path

import pytest

from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.indicators.live import Indicators
from correlator.indicators.table import IndicatorTable, Row, write
from correlator.inputs import Inputs
from correlator.pipeline import Pipeline
from sensors.event import decode, encode, get, put

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
RECORDS_LIMIT = 12  # of one recording: a sample wants many kinds
FOUND = "c1111111-2222-4333-8444-555555555550"
COUNTED = f"""title: A process began
id: {FOUND}
name: began
level: low
logsource: {{product: windows, category: process_creation}}
detection: {{sel: {{Image: '*'}}, condition: sel}}
---
title: Three processes
id: c1111111-2222-4333-8444-555555555551
level: high
correlation: {{type: event_count, rules: [began], group-by: [host.name], timespan: 1d, condition: {{gte: 3}}}}
"""

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not (DATA / "evtx_attack").is_dir() or not (DATA / "sigma_rules").is_dir(),
                       reason="no third-party data `evtx_attack`, `sigma_rules` (LUYTRE_CONFORMANCE_DATA)"),
]  # fmt: skip


def test_lines_and_decoded_events_give_the_same_hits(tmp_path: Path) -> None:
    with tarfile.open(DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz") as tar:
        tar.extractall(tmp_path / "rules", filter="data")
    (tmp_path / "rules" / "counted.yml").write_text(COUNTED, "utf-8")
    lines = _lines(tmp_path)
    write(tmp_path / "set", [Row("ip", "127.0.0.1", 1, 90), Row("network", "10.0.0.0/8", 1)], {1: "CERT"}, 1.0)
    engine = Engine.load([tmp_path / "rules"], [ROOT / "rules" / "pipelines"])
    decoded, read = (Pipeline(engine, found_detectors(), indicators=Indicators(IndicatorTable(tmp_path / "set")),
                              lateness_s=float("inf")) for _ in range(2))  # fmt: skip
    expected = [*decoded.feed([decode(line) for line in lines]), *decoded.finish()]
    for _ in range(2):  # at first the engine has no plans, and reads most lines whole
        found = [*read.feed(lines), *read.finish()]
        assert [encode(hit) for hit in found] == [encode(hit) for hit in expected]
        assert read.snapshot() == decoded.snapshot()
        read = Pipeline(engine, found_detectors(), indicators=Indicators(IndicatorTable(tmp_path / "set")),
                        lateness_s=float("inf"))  # fmt: skip
    kinds = [hit["luytre"]["hit"]["type"] for hit in expected]
    assert len(lines) > 200
    assert min(kinds.count("sigma"), kinds.count("correlation"), kinds.count("indicator")) > 3
    assert len({hit["rule"]["id"] for hit in expected}) > 30


def _lines(folder: Path) -> list[bytes]:
    index = [json.loads(line) for line in (DATA / "evtx_attack" / "index.jsonl").read_text("utf-8").splitlines()]
    chosen = {row["input"].partition("!")[2] for row in index if int(row["records"]) <= RECORDS_LIMIT}
    with tarfile.open(DATA / "evtx_attack" / "evtx_attack.tar.xz") as tar:
        tar.extractall(folder / "evtx", [one for one in tar if one.name in chosen], filter="data")
    lines = []
    for number, (path, event) in enumerate(Inputs(sorted(map(str, (folder / "evtx").rglob("*.evtx"))))):
        put(event, "event.id", f"e{number}")  # (a file's path is of this run)
        put(event, "log.file.path", Path(path).name)
        put(event, "event.ingested", get(event, "@timestamp"))
        put(event, "organization.id", "so-a")
        put(event, "observer.name", "cb-01")
        lines.append(encode(event))
    return lines
