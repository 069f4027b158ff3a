"""[notices] of luytre.toml: what only the operator of the machine decides, not who makes channels on the screen."""

from __future__ import annotations

import re
from pathlib import Path

from api.notices.hours import Office
from api.outward import Guard
from sensors.config import Config, Table


class NoticesTable(Table, frozen=True, kw_only=True):
    # What channels may reach in the agency's own network: hosts, addresses, networks ("mail.so.gov.vn", "10.1.0.0/16").
    local_hosts: tuple[str, ...] = ()
    ca: str = ""  # PEM of further authorities that the agency's own mail or web servers are signed by
    office_from: str = "08:00"  # office hours, Monday to Friday
    office_until: str = "17:00"
    disk_percent: int = 10  # less free space than that is told of


def settings(config: Config | None) -> NoticesTable:
    return NoticesTable() if config is None else config.table("notices", NoticesTable)


def guard_of(table: NoticesTable) -> Guard:
    return Guard(table.local_hosts)


def office_of(table: NoticesTable) -> Office:
    return Office(minutes(table.office_from) or 480, minutes(table.office_until) or 1020)


def ca_of(table: NoticesTable) -> Path | None:
    return Path(table.ca) if table.ca else None


def minutes(text: str) -> int | None:
    """ "07:30" as minutes of the day."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    return int(found[1]) * 60 + int(found[2]) if found else None
