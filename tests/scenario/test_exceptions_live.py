"""API, file and a running correlator over one store: an exception takes effect, is counted, ends, all comes back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.jobs import exceptions as job
from correlator.config import CorrelatorTable
from correlator.post import Poster
from correlator.run import Runner
from sensors.clock import rfc3339
from sensors.config import Config
from sensors.event import Event, decode
from sensors.wire import ItemStatus
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, make_node
from tests.unit.test_correlator_run import FakeDaemon
from tests.unit.test_exceptions_api import PIPELINE, RULES, analyst

LOW = "a1111111-2222-4333-8444-555555555550"


class Daemon(FakeDaemon):
    """Writes its health where the API reads it, as every process of a node does."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        (data / "run").mkdir(exist_ok=True)
        self._path = data / "run" / "correlator.json"

    def report(self, counters: dict[str, Any]) -> None:
        super().report(counters)
        self._path.write_text(json.dumps({"name": "correlator", **counters}))


class Living:
    """The node and its correlator; `happen` is what sensors send."""

    def __init__(self, node: NodeUnderTest) -> None:
        self.node, self._number = node, 0
        data = node.runtime.data
        environ = {"LUYTRE_NODE_DATA": str(data), "LUYTRE_CORRELATOR_RULES": json.dumps([str(data / "rules")]),
                   "LUYTRE_CORRELATOR_PIPELINES": json.dumps([str(data / "pipeline.yml")])}  # fmt: skip
        daemon: Any = Daemon(data)
        self.runner = Runner(Config(data / "luytre.toml", environ), CorrelatorTable(detectors=()), data, daemon,
                             node.clock, node.runtime.reader, Poster(self._send, daemon, node.clock))  # fmt: skip

    def _send(self, items: Sequence[bytes]) -> list[ItemStatus]:
        self.node.store([decode(item) for item in items], "hits")
        return [ItemStatus(201)] * len(items)

    def happen(self, agency: str = MINE, host: str = "cong-01") -> int:
        """Three failures of the scanner; how many alerts' hits they made."""
        before = self._hits(agency)
        self.node.store([self._event(agency, host) for _ in range(3)])
        self.node.clock.move(10)
        self.runner._look_at_rules()
        while self.runner.step():
            pass
        self.runner._report()
        self.node.index()
        self.node.fold()
        return self._hits(agency) - before

    def _event(self, agency: str, host: str) -> Event:
        self._number += 1
        at = rfc3339(self.node.clock.now() + self._number / 1000)
        return {"@timestamp": at, "organization": {"id": agency}, "host": {"name": host}, "user": {"name": "quet"},
                "source": {"ip": "10.0.0.5"}, "process": {"name": "sshd"},
                "event": {"id": f"x{self._number}", "dataset": "system.auth", "outcome": "failure",
                          "ingested": at}}  # fmt: skip

    def _hits(self, agency: str) -> int:
        boss = getattr(self, "boss", None)
        if boss is None:
            boss = self.boss = Browser(self.node).link(self.node.add_user("boss", ("lead", None)))
        items = boss.get("/alerts", status="all", rule=LOW, agency=agency, limit=200)["items"]
        return sum(one["count"] for one in items)


def test_it_takes_effect_ends_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yml").write_text(RULES, "utf-8")
    (tmp_path / "pipeline.yml").write_text(PIPELINE, "utf-8")
    more = f'[correlator]\nrules = ["{tmp_path / "rules"}"]\npipelines = ["{tmp_path / "pipeline.yml"}"]\n'
    with make_node(tmp_path, more=more) as node:
        living = Living(node)
        assert living.happen() == 3
        lan = analyst(node)
        [alert] = lan.get("/alerts", rule=LOW)["items"]
        proposal = lan.get(f"/alerts/{alert['id']}/exception")
        conditions = [one["condition"] for one in proposal["conditions"] if one["chosen"]]
        draft = {"alert_id": alert["id"], "conditions": conditions}
        assert lan.post("/exceptions/preview", draft)["hits"] == 3
        body = {**draft, "reason": "máy quét", "until": rfc3339(node.clock.now() + 600)}
        made = lan.post("/exceptions", body)

        assert living.happen() == 0
        assert living.happen(host="cong-02") == 3  # another host
        assert living.happen(agency=OTHER) == 3  # another agency, the same host and account
        job.run(node.runtime)
        shown = lan.get(f"/exceptions/{made['id']}")
        assert (shown["force"], shown["hidden"]) == ("in_force", 3)

        node.clock.move(600)  # its end: nobody does anything
        assert living.happen() == 3
        job.run(node.runtime)
        assert lan.get(f"/exceptions/{made['id']}")["state"] == "expired"
        # The alert has taken the other host's hits meanwhile: what covers a part of it says so.
        again = lan.post("/exceptions", {**body, "until": "", "accepted": ["not_this_alert"]})
        assert living.happen() == 0
        lan.post(f"/exceptions/{again['id']}/end", {"reason": "hết quét"})
        assert living.happen() == 3
        assert living.runner.reloads == 0  # no rule was ever loaded anew
