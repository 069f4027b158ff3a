"""All of SigmaHQ's rules through the cache of compiled rules: what comes back is what was read. CPU: about 8 s."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from correlator.config import shared
from correlator.engine import Engine
from correlator.engine.cache import Cache

DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
ARCHIVE = DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz"

pytestmark = pytest.mark.conformance


def test_an_engine_from_the_cache_is_the_engine_from_the_files(tmp_path: Path) -> None:
    if not ARCHIVE.is_file():
        pytest.skip("SigmaHQ's rules are not here")
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(tmp_path / "rules", filter="data")
    cache, pipelines = Cache(tmp_path / "cache"), [shared("rules/pipelines")]
    files, kept = (Engine.load([tmp_path / "rules"], pipelines, cache=cache) for _ in range(2))
    assert cache.used.read == 0
    assert cache.used.kept > 3_000
    assert len(kept.rules) > 3_000
    assert len(kept.waiting) == len(files.waiting) > 0
    for name in ("rules", "correlations", "refused", "waiting", "unrouted"):
        assert getattr(kept, name) == getattr(files, name)
        assert repr(getattr(kept, name)) == repr(getattr(files, name)), "1, 1.0 and True are equal otherwise"
