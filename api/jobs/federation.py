"""Every second: deliver what is raised, hear what the centre says."""

from __future__ import annotations

from api.federation.deliver import Delivery
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    if node.delivery is None:
        node.delivery = Delivery(node)
    return node.delivery.run()


JOB = Job(1.0, run)
