"""What notices keep between runs of their job: the outbox with its lanes, the watch on the machine, office hours."""

from __future__ import annotations

from dataclasses import dataclass

from api.notices import config
from api.notices.hours import Office
from api.notices.matters import Machine
from api.notices.outbox import Outbox
from api.runtime import Runtime


@dataclass(slots=True)
class Work:
    outbox: Outbox
    machine: Machine
    office: Office
    looked_at: float = 0.0


def work_of(node: Runtime) -> Work:
    """Made by the first run of the job."""
    if node.notices is None:
        table = config.settings(node.config)
        machine = Machine(node.data, node.node.agency, table.disk_percent)
        node.notices = Work(Outbox(node), machine, config.office_of(table))
    return node.notices
