"""What the parts of the API process share: one Database, one EventWriter, one EventReader, one clock.

Made once by `api.serve`, put at `app.state.node` of both ports' apps, and handed to jobs. Tests make one over a
temporary folder. Nothing else in `api/` is global.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.audit import Audit
from api.auth.known import Known
from api.auth.machines import Machines
from api.auth.sessions import Limits
from api.casework.changes import Bell
from api.config import ApiTable
from api.state.base import Database
from correlator.store.base import EventReader, EventWriter
from sensors.clock import Clock, SystemClock
from sensors.config import Config, NodeTable
from sensors.logger import Logger

if TYPE_CHECKING:
    from api.exceptions.publish import Publisher as ExceptionsPublisher
    from api.federation.clock_rules import RulesDown
    from api.federation.deliver import Delivery
    from api.federation.report_send import Reporting
    from api.indicators.hunting import Hunter
    from api.indicators.publish import Publisher as IndicatorsPublisher
    from api.notices.work import Work
    from api.services.follow import Follower

VERSION = "0.1.0"


@dataclass(slots=True)
class Runtime:
    config: Config | None  # None only in tests and when the schema is printed
    node: NodeTable
    api: ApiTable
    db: Database
    reader: EventReader
    writer: EventWriter
    audit: Audit
    log: Logger
    clock: Clock = field(default_factory=SystemClock)
    machines: Machines | None = None  # the machine port's; None where only people are served
    bell: Bell = field(default_factory=Bell)
    delivery: Delivery | None = None  # the link upwards, made by the first run of its job
    reporting: Reporting | None = None  # the reports upwards, likewise
    rules_down: RulesDown | None = None  # the centre's rules of deadlines, likewise
    follower: Follower | None = None  # of the probes' results, made by the first run of its job
    notices: Work | None = None  # the outbox of notices, made by the first run of its job
    indicators: tuple[IndicatorsPublisher, Hunter] | None = None  # set files and hunts, likewise
    exceptions: ExceptionsPublisher | None = None  # of the correlator's files of exceptions, made when first written
    tls: bool = False  # whether people's browsers reach us by TLS: decides the cookie's name and flags
    # Counters of this process by name, shown in /metrics and written to run/luytre-api.json: each part adds a function.
    counters: dict[str, Callable[[], Any]] = field(default_factory=dict)
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        self.known = Known(self.db)

    @property
    def data(self) -> Path:
        return self.node.root

    @property
    def limits(self) -> Limits:
        return Limits(self.api.session_idle_s, self.api.session_limit_s, self.api.second_factor)
