"""`[federation]`: the node above, which alerts are raised without a person, and what never leaves."""

from __future__ import annotations

from typing import Literal

from sensors.config import Config, Table


class FederationTable(Table, frozen=True, kw_only=True):
    upstream: str = ""  # https://host:port of the machine port above; empty: this node is the top
    raise_level: Literal["low", "medium", "high", "critical"] | None = None  # raise alerts from here on by themselves
    # Of the nodes below this one: items from this level on go on to the node above; minor ones stay here.
    relay_level: Literal["informational", "low", "medium", "high", "critical"] = "informational"
    poll_s: float = 2.0  # how often words are asked for while there is talk; five times that when it is quiet
    # Names and addresses of systems marked state-secret (until systems have rows of their own): alerts that name one,
    # and incidents made of such alerts, are never raised.
    secret: tuple[str, ...] = ()
    report_s: float = 300.0  # how often this node reports its state upwards
    report_bytes_per_hour: int = 512 * 1024  # of reports; those passed on from below wait when it is used up
    selftest_days: float = 6.0  # how old the last self-test that came through may become before the next
    # Ids of [probe] services that check the way to the national data-sharing platform: one that answers within a day is
    # what "connected to the national platform" means.
    exchange_services: tuple[str, ...] = ()
    contact: str = ""  # the focal point round the clock, as the centre may show it ("Phòng CNTT, 024 …")


def settings(config: Config | None) -> FederationTable:
    return FederationTable() if config is None else config.table("federation", FederationTable)
