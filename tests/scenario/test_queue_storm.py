"""People work at the queue while alerts arrive: every hit is counted once, no act is lost or done twice, and who saw an
older state is told so. The figures are tests/bench/bench_queue.py's; nothing is timed here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.queue_load import Storm

PEOPLE, HITS, SECONDS = 12, 1_500, 8.0


@pytest.mark.slow
def test_no_update_is_lost_in_a_storm(tmp_path: Path) -> None:
    storm = Storm(tmp_path, people=PEOPLE).start()
    try:
        storm.feed(500, 0.0, 1.0, 1).wait(120)
        storm.fed(1)
        storm.settle()
        # Few alerts and many hits on each: people's revisions go stale while they read.
        feeder = storm.feed(HITS, HITS / SECONDS, 0.02, 1_000_000)
        storm.run(SECONDS, pause_s=(0.2, 1.0))
        feeder.wait(120)
        storm.fed(1_000_000)
        storm.settle()
    finally:
        storm.stop()
    checked = storm.check()
    assert checked["hits"] == 500 + HITS
    assert checked["acts"] > 0
    assert storm.told.events > 0
    assert storm.told.reconnects == 0  # nobody was let go
    assert "Traceback" not in (tmp_path / "api.log").read_text()
