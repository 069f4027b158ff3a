"""Our matches against those of an engine written by others from the same specification: RSigma, where it is on PATH.

A sample of the recorded Windows events through all of SigmaHQ's rules, pair by pair (rule, event). Every difference
must be of a class that correlator/engine/README.md explains ("Against RSigma"). The whole corpus:
`python -m tests.bench.streams.differences DATA --rules RULES`. Left out without the data or the program.
"""

import os
import tarfile
from pathlib import Path

import pytest

from correlator.engine import Engine
from tests.bench.streams import peer
from tests.bench.streams.corpus import corpus
from tests.bench.streams.differences import compare

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
RULES = DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz"
EVERY = 12

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not RULES.is_file(), reason="no third-party data `sigma_rules`"),
    pytest.mark.skipif(peer.rsigma() is None, reason="rsigma is not on PATH"),
]


def test_every_difference_is_explained(tmp_path: Path) -> None:
    program = peer.rsigma()
    assert program is not None
    with tarfile.open(RULES) as tar:
        tar.extractall(tmp_path / "rules", filter="data")
    lines = corpus(DATA, tmp_path).read_bytes().splitlines()[::EVERY]
    engine = Engine.load([tmp_path / "rules"], [ROOT / "rules" / "pipelines"])
    found = compare(engine, tmp_path / "rules", lines, tmp_path, program)
    assert found.common > 50
    assert found.unexplained() == []
