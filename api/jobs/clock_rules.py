"""Every half minute: whether the centre's rules of deadlines are to be asked for again."""

from __future__ import annotations

from api.federation.clock_rules import RulesDown
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    if node.rules_down is None:
        node.rules_down = RulesDown(node)
    return node.rules_down.run()


JOB = Job(30.0, run)
