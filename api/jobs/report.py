"""Every half minute: report upwards when it is due; judge who is connected; test ourselves every week."""

from __future__ import annotations

from api.federation import national, selftest
from api.federation.report_send import Reporting
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    said = [selftest.step(node), national.step(node)]
    if node.reporting is None:
        node.reporting = Reporting(node)
    said.append(node.reporting.run())
    return ", ".join(filter(None, said))


JOB = Job(30.0, run, first_s=10.0)  # who looks on at the centre sees a node that came back soon
