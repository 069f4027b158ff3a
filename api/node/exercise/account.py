"""Accounts for everything one agency issued, after a torture run: four balances, each with what is lost or doubled.

The expected hits are computed here anew: the shipped rules over the stored events, in the store's order, in one piece.
Detectors that listen to the clock (silence) are left out: a kill is rightly a silence.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from api.node.exercise.people import Person
from api.node.exercise.story import stored_events
from api.node.exercise.world import Site
from correlator.config import pipeline_paths, rule_paths
from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.pipeline import Pipeline
from sensors.config import Config
from sensors.event import get

CLOCK_BOUND = ("silence",)


@dataclass(frozen=True, slots=True)
class Balance:
    what: str
    expected: int
    found: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled)

    def show(self) -> str:
        line = f"  {'✔' if self.clean else '✖'} {self.what:<24} {self.found:>8} of {self.expected:<8}"
        return line + ("" if self.clean else f" lost {self.lost[:5]}… doubled {self.doubled[:5]}…")


@dataclass(frozen=True, slots=True)
class Account:
    site: str
    balances: list[Balance]
    restarts: dict[str, int]

    @property
    def clean(self) -> bool:
        return all(balance.clean for balance in self.balances)

    def show(self) -> str:
        return "\n".join([f"{self.site}: restarts {self.restarts}", *(balance.show() for balance in self.balances)])


def account_for(site: Site, centre: Site, limit_s: float) -> Account:
    """The balances once nothing moves any more, or as they are after `limit_s`."""
    person, duty = site.person(), centre.person()
    try:
        end, account = time.monotonic() + limit_s, None
        while account is None or not (account.clean or time.monotonic() > end):
            if account is not None:
                time.sleep(2.0)
            account = Account(site.code, _balances(site, person, duty), site.supervisor.restarts())
        return account
    finally:
        person.close()
        duty.close()


def _balances(site: Site, person: Person, duty: Person) -> list[Balance]:
    assert site.manifest is not None
    events = list(stored_events(site))
    difference = site.manifest.compare(events)
    stored = Balance("events stored", difference.issued, difference.stored, difference.lost,
                     difference.doubled + difference.unissued)  # fmt: skip
    if not stored.clean:
        return [stored]
    hits = list(stored_events(site, "hits"))
    expected = expected_hits(site, events)
    clock_bound = {found_detectors()[name].id for name in CLOCK_BOUND}
    found = [hit for hit in hits if get(hit, "rule.id") not in clock_bound]
    alerts = Counter({(a["rule_id"], _key(a["group"])): a["count"] for a in _all(person, "/alerts", status="all")})
    folded = Counter((get(hit, "rule.id"), _key(get(hit, "luytre.hit.group") or {})) for hit in hits)
    sent = [d["item_id"] + f"@{d['item_revision']}" for d in _all(person, "/deliveries")]
    received = [
        f"{raised['item_id']}@{revision['item_revision']}"
        for raised in _all(duty, "/inbox", state="all", agency=site.code)
        for revision in duty.get(f"/inbox/{raised['id']}")["revisions"]
    ]
    return [
        stored,
        _compare("hits", [get(hit, "event.id") for hit in expected], [get(hit, "event.id") for hit in found]),
        _compare("hits counted in alerts", folded.elements(), alerts.elements()),
        _compare("items at the centre", sent, received),
    ]


def expected_hits(site: Site, events: Iterable[Any]) -> list[Any]:
    config = Config(site.config)
    engine = Engine.load(rule_paths(config), pipeline_paths(config))
    detectors = {name: made for name, made in found_detectors().items() if name not in CLOCK_BOUND}
    return Pipeline(engine, detectors).feed(events)


def _compare(what: str, expected: Iterable[Any], found: Iterable[Any]) -> Balance:
    wanted, got = Counter(map(str, expected)), Counter(map(str, found))
    return Balance(what, wanted.total(), got.total(), sorted((wanted - got).elements()),
                   sorted((got - wanted).elements()))  # fmt: skip


def _key(group: dict[str, Any]) -> str:
    return "|".join(f"{name}={group[name]}" for name in sorted(group))


def _all(person: Person, path: str, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        page = person.get(path, limit=200, **query, **({"cursor": page["next"]} if page["next"] else {}))
        items += page["items"]
    return items
