"""The state of every rule that was found, for the correlator's health: running or refused with the reason, hits, and
whether its data is there.

In:  the pipeline as it runs. Out: plain values, one a rule, correlation, detector, met kind of indicator, refusal.
"""

from __future__ import annotations

from typing import Any

from correlator.engine.rule import About
from correlator.indicators.kinds import all_kinds
from correlator.pipeline import Pipeline


def rule_states(pipeline: Pipeline) -> list[dict[str, Any]]:
    engine = pipeline.engine
    seen = engine.last_seen()
    unrouted = {rule.id for rule in engine.unrouted}

    def running(about: About, kind: str, **more: Any) -> dict[str, Any]:
        return {"id": about.id, "title": about.titles, "level": about.level, "kind": kind, "state": "running",
                "path": about.path, "line": about.line, "tags": about.tags, "hits": pipeline.hits.get(about.id, 0),
                "reason": "", **more}  # fmt: skip

    found = [
        running(rule.about, "sigma", silent=rule.silent, logsource=str(rule.logsource),
                data_last_seen=seen.get(rule.id),
                reason="no pipeline knows its log source" if rule.id in unrouted else "")
        for rule in engine.rules
    ]  # fmt: skip
    found += [
        running(made.about, "correlation", silent=made.silent,
                data_last_seen=max((seen[name] for name in made.rules if name in seen), default=None))
        for made in engine.correlations
    ]  # fmt: skip
    found += [
        running(About(detector.id, "", detector.name, detector.level, tuple(detector.tags), detector.title), "detector")
        for detector in pipeline.detectors()
    ]
    found += [
        running(About(kind.rule_id, "", kind.alert["en"], "medium", tuple(kind.tags), kind.alert), "indicator")
        for kind in all_kinds().values()
        if pipeline.hits.get(kind.rule_id)
    ]
    found += [
        {"id": one.rule_id, "title": {"en": one.title}, "state": "refused", "path": one.path, "line": one.line,
         "hits": 0, "reason": f"{one.code}: {one.reason}"}
        for one in (*engine.refused, *engine.waiting)
    ]  # fmt: skip
    return found
