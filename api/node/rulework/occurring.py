"""Which of a rule's fields never occur in what this agency stores: a rule on them cannot fire.

In:  rules, the pipelines' sources, the store. Out: `Finding`s: a warning when the rule cannot match without what never
occurs, a note when it has other ways. A rule whose log source has no event at all in the time is told once as that, not
field by field. Fields that the rule only asks to be absent are not counted.
Bound: ASKED_LIMIT questions to the store, each answered by its index without reading an event; what lies beyond is not
judged and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.node.rulework.lints import Finding, Severity, possible, tests_of
from correlator.backtest.prefilter import paths_of, route_of, sources_of
from correlator.engine import Rule
from correlator.engine.sources import Source
from correlator.store.base import All, And, EventReader, Exists, Node, Or, Query, Scope
from sensors.clock import rfc3339

ASKED_LIMIT = 5_000
DAYS = 30


@dataclass(slots=True)
class Occurring:
    reader: EventReader
    scope: Scope
    now: float
    asked: int = 0
    _known: dict[Node, int] = field(default_factory=dict)

    @property
    def beyond(self) -> bool:
        return self.asked >= ASKED_LIMIT

    def count(self, where: Node) -> int:
        """How many events; -1 when it was not asked any more."""
        if where not in self._known:
            if self.beyond:
                return -1
            self.asked += 1
            since, until = rfc3339(self.now - DAYS * 86_400), rfc3339(self.now)
            self._known[where] = self.reader.search(self.scope, Query(where, since, until, size=0)).total
        return self._known[where]


def of_rules(rules: Iterable[Rule], sources: Sequence[Source], store: Occurring) -> list[Finding]:
    found = []
    for rule in rules:
        about = rule.about
        mine = sources_of(rule, sources)
        here = [one for one in mine if store.count(route_of(one) or All()) != 0]
        if not here:
            found.append(Finding("LT-R0507", "note", about.path, about.line, about.id,
                                 f"{DAYS} ngày qua không có sự kiện nào của nguồn {rule.logsource}",
                                 f"no event of {rule.logsource} in {DAYS} days"))  # fmt: skip
            continue
        never = [name for name in dict.fromkeys(name for name, _ in tests_of(rule.condition))
                 if all(store.count(_there(name, one)) == 0 for one in here)]  # fmt: skip
        if never:
            severity: Severity = "note" if possible(rule.condition, frozenset(never)) else "warning"
            found.append(Finding("LT-R0505", severity, about.path, about.line, about.id,
                                 f"{DAYS} ngày qua không sự kiện nào của nguồn này có trường: {', '.join(never)}",
                                 f"no event of its source has had in {DAYS} days: {', '.join(never)}"))  # fmt: skip
    return found


def _there(name: str, source: Source) -> Node:
    paths = tuple(Exists(path) for path in paths_of(name, source))
    there: Node = paths[0] if len(paths) == 1 else Or(paths)
    route = route_of(source)
    return there if route is None else And((route, there))
