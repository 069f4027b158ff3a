"""Whether the time of a refused log-in tells if the name exists (reliability.md S14: medians within 5 %, 1,000 tries).

Known and unknown names take turns in one process, through the whole application without a socket, so that whatever else
the machine does falls on both alike; processor time, in which a load of others does not show. Waiting is not measured:
the clock moves a day on after each pair.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.servers.people_port import PASSWORD, Browser, make_node

NAME = "login"
WRONG = "sai mật khẩu rồi đấy"


def run(quick: bool) -> dict[str, object]:
    tries, taken = 50 if quick else 1_000, {"known": [], "unknown": []}  # type: dict[str, list[float]]
    with tempfile.TemporaryDirectory() as folder, make_node(Path(folder)) as node:
        node.add_user("lan", ("analyst", None), password=PASSWORD)
        browser = Browser(node)
        for number in range(tries + 5):
            for kind, username in (("known", "lan"), ("unknown", "nob"))[:: 1 if number % 2 else -1]:
                begun = time.process_time()
                status = browser.log_in(username, WRONG).status_code
                spent = time.process_time() - begun
                assert status == 401, status
                if number >= 5:  # the first ones import and prepare
                    taken[kind].append(spent)
            node.clock.move(25 * 3600)
        browser.close()
    known, unknown = (statistics.median(taken[kind]) * 1000 for kind in ("known", "unknown"))
    return {"tries each": tries, "known ms": round(known, 2), "unknown ms": round(unknown, 2),
            "difference %": round(abs(known - unknown) / known * 100, 2)}  # fmt: skip
