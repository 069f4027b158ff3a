"""What was issued, against what is stored: the oracle of the demo and of `torture`.

Every line and conversation is noted here *before* a sensor can see it. `compare` then reads a store from its first
event to its last and says which keys are missing, doubled, or were never issued. Kept as NDJSON so that it survives the
process that writes it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.node.exercise.scene import Line
from sensors.event import Event, get
from sensors.sources.selftest import DATASET as SELFTEST


@dataclass(frozen=True, slots=True)
class Difference:
    issued: int
    stored: int
    lost: list[str]
    doubled: list[str]
    unissued: list[str]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unissued)


class Manifest:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self.keys: list[str] = []

    def line(self, line: Line) -> None:
        self._note(f"line:{line.text}")

    def conversation(self, spec: Mapping[str, Any]) -> None:
        ends = f"{spec['src']}:{spec['sport']}>{spec['dst']}:{spec['dport']}"
        self._note(f"flow:{ends}")
        if spec["kind"] == "dns":
            self._note(f"dns:{ends}")

    def selftest(self, number: str) -> None:
        self._note(f"selftest:{number}")

    def _note(self, key: str) -> None:
        self.keys.append(key)
        self._file.write(json.dumps(key) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def compare(self, events: Iterable[Event]) -> Difference:
        issued, stored = Counter(self.keys), Counter(key for event in events if (key := key_of(event)))
        return Difference(
            issued=issued.total(),
            stored=stored.total(),
            lost=sorted((issued - stored).elements()),
            doubled=sorted(key for key in stored if stored[key] > issued[key] > 0),
            unissued=sorted(key for key in stored if key not in issued),
        )


def key_of(event: Event) -> str | None:
    """The manifest's name of an event; None for what the sensors say of themselves or of a conversation's inside."""
    dataset = get(event, "event.dataset")
    if dataset == SELFTEST:  # the node's own weekly one, whenever it comes, is nobody's to issue
        return None if get(event, "user.name") == "luytre" else f"selftest:{get(event, 'luytre.selftest.id')}"
    if dataset in ("network.flow", "network.dns"):
        ends = (
            f"{get(event, 'source.ip')}:{get(event, 'source.port')}>"
            f"{get(event, 'destination.ip')}:{get(event, 'destination.port')}"
        )
        return f"{'flow' if dataset == 'network.flow' else 'dns'}:{ends}"
    if get(event, "agent.type") == "log" and dataset not in ("luytre.heartbeat", "luytre.gap"):
        return f"line:{get(event, 'event.original')}"
    return None
