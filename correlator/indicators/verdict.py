"""A sighting becomes a hit: the rule is that of the indicator's kind, the alert that of (indicator, host)."""

from __future__ import annotations

from typing import Any

from correlator.engine.texts import fill
from correlator.hit import Verdict, make_hit
from correlator.indicators.sighting import Sighted
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
    put(hit, "threat.indicator.type", _ecs_type(kind.name, known.value))
    put(hit, "threat.indicator.marking.tlp", known.tlp.upper())
    put(hit, "luytre.indicator.kind", kind.name)
    if known.source:
        put(hit, "threat.indicator.provider", known.source)
    if known.confidence is not None:
        put(hit, "threat.indicator.confidence", _ecs_confidence(known.confidence))
        put(hit, "luytre.indicator.confidence", known.confidence)
    put(hit, "luytre.indicator.key", known.key)
    put(hit, "luytre.indicator.field", sighted.met.path)
    return hit


def _ecs_type(kind: str, value: str) -> str:
    """The words that ECS expects in `threat.indicator.type`."""
    if kind in ("ip", "network"):
        return "ipv6-addr" if ":" in value else "ipv4-addr"
    return {"domain": "domain-name", "md5": "file", "sha1": "file", "sha256": "file", "sha512": "file"}.get(kind, kind)


def _ecs_confidence(number: int) -> str:
    """STIX's None/Low/Med/High scale (appendix A), as ECS writes it."""
    return "None" if number == 0 else "Low" if number < 30 else "Medium" if number < 70 else "High"
