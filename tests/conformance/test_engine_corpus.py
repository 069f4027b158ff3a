"""The fast engine against the literal evaluator: recorded Windows events, all of SigmaHQ's rules, rule by rule.

Third-party data (`evtx_attack`, `sigma_rules` below LUYTRE_CONFORMANCE_DATA or ../shared/data); left out without it. A
sample of about `EVENTS`, spread over the small recordings; LUYTRE_CORPUS_EVENTS=0 takes every event of all of them
(24,000; the literal evaluator reads about fifty a second).
"""

import json
import os
import tarfile
from pathlib import Path

import pytest

from correlator.engine import Engine
from correlator.engine import sources as routing
from correlator.inputs import Inputs
from sensors.event import encode
from tests.naive import sigma

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
PIPELINES = ROOT / "rules" / "pipelines"
EVENTS = int(os.environ.get("LUYTRE_CORPUS_EVENTS", "150"))
RECORDS_LIMIT = 40  # of one recording: a sample wants many kinds

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not (DATA / "evtx_attack").is_dir() or not (DATA / "sigma_rules").is_dir(),
                       reason="no third-party data `evtx_attack`, `sigma_rules` (LUYTRE_CONFORMANCE_DATA)"),
]  # fmt: skip


def test_every_rule_matches_what_the_literal_evaluator_says(tmp_path: Path) -> None:
    with tarfile.open(DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz") as tar:
        tar.extractall(tmp_path / "rules", filter="data")
    index = [json.loads(line) for line in (DATA / "evtx_attack" / "index.jsonl").read_text("utf-8").splitlines()]
    chosen = {row["input"].partition("!")[2] for row in index if not EVENTS or int(row["records"]) <= RECORDS_LIMIT}
    with tarfile.open(DATA / "evtx_attack" / "evtx_attack.tar.xz") as tar:
        tar.extractall(tmp_path / "evtx", [one for one in tar if one.name in chosen], filter="data")
    events = [event for _, event in Inputs(sorted(map(str, (tmp_path / "evtx").rglob("*.evtx"))))]
    if EVENTS:
        events = events[:: max(1, len(events) // EVENTS)]
    engine = Engine.load([tmp_path / "rules"], [PIPELINES])
    sources = routing.Sources(routing.load(routing.read([PIPELINES])))
    lines = engine.match_lines([encode(event) for event in events])
    matches = 0
    for event, found in zip(events, lines, strict=True):
        expected = sigma.matches(engine, event, sources)
        matches += len(expected)
        assert [match.rule.id for match in found] == expected
        assert [match.rule.id for match in engine.match(event)] == expected
    assert len(events) > 50
    assert matches > 20
