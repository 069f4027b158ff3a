"""Looks at a whole luytre.toml as each of the node's programs will, before any of them is started.

In:  the configuration. Out: nothing, or a ConfigError with every problem of every table. Imports the sensors' modules,
where their tables stand (9 MB): for processes that end soon.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from api.auth import refused_list
from api.config import ApiTable
from api.federation.config import FederationTable
from api.notices.config import NoticesTable
from correlator.config import CorrelatorTable
from correlator.store.config import StoreTable
from sensors.config import Config, NodeTable
from sensors.errors import ConfigError, Place, Problem
from sensors.probes import found
from sensors.roles import log, probe
from sensors.roles.packet import PacketTable
from sensors.ship.table import ShipTable


def check(config: Config) -> None:
    """Raises ConfigError with the problems of all tables."""
    problems: list[Problem] = list(config.unknown)

    def look(table: Callable[[], object]) -> None:
        try:
            table()
        except ConfigError as error:
            problems.extend(error.problems)

    tables = {"node": NodeTable, "api": ApiTable, "store": StoreTable, "packet": PacketTable, "ship": ShipTable,
              "correlator": CorrelatorTable, "federation": FederationTable, "notices": NoticesTable}  # fmt: skip
    for name, kind in tables.items():
        look(lambda name=name, kind=kind: config.table(name, kind))  # type: ignore[misc]
    look(lambda: log.check(config, config.table("log", log.LogTable)))
    look(lambda: probe.check(config.path, config.table("probe", probe.ProbeTable), found()))
    look(lambda: refused_passwords(config))
    if problems:
        raise ConfigError(*problems)


def refused_passwords(config: Config) -> None:
    """Raises ConfigError when the operator's list could not be used: every new password would be refused."""
    path = config.table("api", ApiTable).refused_passwords
    if not path:
        return
    try:
        refused_list.check(Path(path))
    except refused_list.Unusable as why:
        place = config.place("api.refused_passwords") or Place(key="api.refused_passwords")
        vi = f"không dùng được danh sách mật khẩu bị từ chối ({why})"
        raise ConfigError(
            Problem("LT-C0112", vi, f"the list of refused passwords cannot be used: {why}", place)
        ) from None
