"""Our form of a Windows event → the flat form that RSigma evaluates, with the tags that its routing reads.

In:  an event and the sources of our own pipeline files. Out: one flat object: EventID, Channel, Provider_Name,
Computer, the event data under its own names, names that a source maps (Image for NewProcessName), and `product`,
`service`, `category`: the first source that gives each. RSigma takes one category an event; ours may have several
(Sysmon 13 is registry_set and registry_event): that is the one thing this form cannot say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from correlator.engine import sources as routing
from correlator.engine.conditions import MISSING
from sensors.event import Event

EVENT_ID = "luytre_id"  # how the peer's matches are told apart
_PREFIXES = ("winlog.event_data.", "winlog.user_data.")


class Flattener:
    def __init__(self, pipelines: Sequence[Path]) -> None:
        self._sources = routing.Sources(routing.load(routing.read(pipelines)))

    def __call__(self, event: Event) -> dict[str, Any]:
        flattened = routing.flat(event)
        # A source without `when` is the dataset's own name, which is ours and no log source of a public rule.
        sources = [one for one in self._sources.of(flattened) if one.when and one.logsource.product == "windows"]
        found: dict[str, Any] = {EVENT_ID: flattened.get("event.id")}
        for path, value in flattened.items():
            for prefix in _PREFIXES:
                if path.startswith(prefix):
                    found[path[len(prefix):]] = value  # fmt: skip
        for source in sources:
            for name, paths in source.fields.items():
                if name not in found and (path := next((one for one in paths if one in flattened), "")):
                    found[name] = flattened[path]
            for name, made in source.combined.items():
                value = made.of([flattened.get(path, MISSING) for path in made.paths])
                if name not in found and value is not MISSING:
                    found[name] = value
            for name, table in source.values.items():
                if isinstance(said := found.get(name), str):
                    found[name] = table.get(said, said)
        for part in ("product", "service", "category"):
            found.pop(part, None)
            if tag := next((tag for one in sources if (tag := getattr(one.logsource, part))), None):
                found[part] = tag
        return found
