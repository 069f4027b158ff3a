"""What was found, as hits: the verdict's sentence filled in, the entities of its event.

In:  a match, a correlation that fired, a detector's finding. Out: an event for the `hits` stream (hit.py).
Bound: `bounded`, so that ingest never refuses a hit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from correlator.detector import Detector, Finding
from correlator.engine import Match
from correlator.engine.conditions import MISSING
from correlator.engine.correlations import Fired
from correlator.engine.rule import About
from correlator.engine.texts import fill, show
from correlator.hit import Verdict, make_hit
from sensors.clock import rfc3339
from sensors.event import Event, get

VALUE_LIMIT_CHARS = 2048
LIST_LIMIT = 100


def bounded(value: Any) -> Any:
    """A hit repeats its event's entities, which strangers choose: cut."""
    if isinstance(value, str):
        return value if len(value) <= VALUE_LIMIT_CHARS else value[:VALUE_LIMIT_CHARS] + "…"
    if isinstance(value, dict):
        return {key: bounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [bounded(inner) for inner in value[:LIST_LIMIT]]
    return value


def _verdict_texts(about: About) -> dict[str, Any]:
    return {"rule_id": about.id, "name": about.title, "level": about.level, "title": dict(about.titles),
            "tags": about.tags}  # fmt: skip


def matched(match: Match, event: Event) -> Event:
    about, view = match.rule.about, match.view
    names = about.group_by if about.group_by is not None else ("host.name", "source.ip")
    group = {name: text for name in names if (text := show(view.value(name))) != "?"}
    if not group and about.group_by is None:
        group = {name: text for name in ("user.name", "observer.name") if (text := show(view.value(name))) != "?"}
    reason = fill(about.reason, view.value) or {"en": about.title}
    return make_hit(Verdict(**_verdict_texts(about), kind="sigma", group=group, reason=reason), event)


def correlated(fired: Fired) -> Event:
    about = fired.correlation.about
    facts = {"count": fired.count, "values": fired.values, "value": fired.value, "which": list(fired.which),
             "luytre.hit.count": fired.count, "timespan": fired.correlation.timespan_s, **fired.group}  # fmt: skip
    verdict = Verdict(
        **_verdict_texts(about), kind="correlation", group=dict(fired.group), count=fired.count,
        event_ids=fired.event_ids,
        reason=fill(about.reason, lambda name: _look(name, facts, fired.event, fired.common)) or {"en": about.title},
    )  # fmt: skip
    return make_hit(verdict, fired.event, when=rfc3339(fired.time), shared=[dict(fired.common)])


def noticed(detector: Detector, finding: Finding) -> Event:
    facts = {**finding.group, **finding.facts}
    verdict = Verdict(
        detector.id, detector.name, detector.level, "detector", dict(finding.group), dict(detector.title),
        fill(detector.reason, lambda name: _look(name, facts, finding.event)), tuple(detector.tags), finding.score,
        finding.count, finding.event_ids,
    )  # fmt: skip
    return make_hit(verdict, finding.event, when=rfc3339(finding.when) if finding.when is not None else None)


def _look(name: str, facts: Mapping[str, Any], event: Event, common: Mapping[str, Any] | None = None) -> Any:
    for table in (facts, common or {}):
        if name in table:
            return table[name]
    found = get(event, name)
    return MISSING if found is None else found
