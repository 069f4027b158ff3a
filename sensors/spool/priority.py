"""Which events go first when a spool is over its budget: policy "spool-limit".

In:  an event. Out: 0…3; the lowest goes first, the oldest of them before the newer.
The order follows what an analyst can least do without: what a sensor says about itself and about losses, availability
and other people's alerts; then who logged in and what Windows recorded; then transactions; then flows, of which there
are the most and each says the least.
"""

from __future__ import annotations

from sensors.event import Event, get

FLOWS, TRANSACTIONS, ACCOUNTS, URGENT = range(4)
LEVELS = (FLOWS, TRANSACTIONS, ACCOUNTS, URGENT)
POLICY = "spool-limit"

_BY_DATASET = {
    "network.flow": FLOWS,
    "service.availability": URGENT,
    "system.auth": ACCOUNTS,
}
_BY_PREFIX = (("luytre.", URGENT), ("windows.", ACCOUNTS))


def priority(event: Event) -> int:
    if get(event, "luytre.suricata.alert") is not None or get(event, "event.kind") == "alert":
        return URGENT
    dataset = str(get(event, "event.dataset"))
    known = _BY_DATASET.get(dataset)
    if known is not None:
        return known
    return next((level for prefix, level in _BY_PREFIX if dataset.startswith(prefix)), TRANSACTIONS)
