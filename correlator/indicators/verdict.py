"""A sighting becomes a hit: the rule is that of the indicator's kind, the alert that of (indicator, host)."""

from __future__ import annotations

from typing import Any

from correlator.engine.texts import fill
from correlator.hit import Verdict, make_hit
from correlator.indicators.live import Sighted
from sensors.event import Event, get, put


def hit_of(sighted: Sighted) -> Event:
    known, event = sighted.met.known, sighted.event
    kind = known.kind
    facts: dict[str, Any] = {
        "threat.indicator.name": known.value, "threat.indicator.provider": known.source or "—",
        "luytre.indicator.matched": sighted.met.matched, "luytre.who": sighted.who or "—",
    }  # fmt: skip
    verdict = Verdict(
        kind.rule_id, kind.alert["en"], sighted.level, "indicator", sighted.group, kind.alert,
        fill(kind.reason, lambda name: facts[name] if name in facts else get(event, name)),
        tuple(kind.tags), None, sighted.count, sighted.event_ids,
    )  # fmt: skip
    hit = make_hit(verdict, event)
    put(hit, "threat.indicator.type", kind.name)
    put(hit, "threat.indicator.marking.tlp", known.tlp)
    if known.source:
        put(hit, "threat.indicator.provider", known.source)
    if known.confidence is not None:
        put(hit, "threat.indicator.confidence", str(known.confidence))
    put(hit, "luytre.indicator.key", known.key)
    put(hit, "luytre.indicator.field", sighted.met.path)
    return hit
