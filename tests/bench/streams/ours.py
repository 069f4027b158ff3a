"""What the peer does, done by us, so that two processes can be weighed whole: load rules, read a file of events, write
one line of JSON a match. Compiled rules are kept beside OUT.

In:  `ours.py RULES EVENTS OUT [--pipelines PATH]`. Out: NDJSON in OUT; on stdout as last line {"rules", "refused",
"load_s"}. Without EVENTS' content (an empty file) it does all but the work: that run is subtracted.
Bound: `BLOCK_BYTES` of events at a time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from correlator.engine import Engine
from correlator.engine.cache import Cache
from sensors.event import decode, get

ROOT = Path(__file__).resolve().parents[3]
BLOCK_BYTES = 256 * 1024

_encode = msgspec.json.Encoder().encode


def main(rules: str, events: str, out: str) -> int:
    begun = time.process_time()
    cache = Cache(Path(out).parent / f"compiled-{Path(rules).name}")
    engine = Engine.load([Path(rules)], [ROOT / "rules" / "pipelines"], cache=cache)
    load_s = time.process_time() - begun
    told = {rule.id: _told(rule) for rule in engine.rules}
    with Path(events).open("rb") as file, Path(out).open("wb") as matches:
        for lines in _blocks(file):
            found = _matched(engine, lines)
            matches.writelines(_encode({**told[rule], "event_id": event}) + b"\n" for event, rule in found)
    print(json.dumps({"rules": len(engine.rules), "refused": len(engine.refused), "unrouted": len(engine.unrouted),
                      "load_s": round(load_s, 2)}))  # fmt: skip
    return 0


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    while lines := file.readlines(BLOCK_BYTES):
        yield lines


def _matched(engine: Engine, lines: list[bytes]) -> Iterator[tuple[Any, str]]:
    many = getattr(engine, "match_lines", None)
    if many is None:
        for line in lines:
            event = decode(line)
            for match in engine.match(event):
                yield get(event, "event.id"), match.rule.id
        return
    for line, found in zip(lines, many(lines), strict=True):
        if found:
            event_id = get(decode(line), "event.id")
            for match in found:
                yield event_id, match.rule.id


def _told(rule: Any) -> dict[str, Any]:
    about = rule.about
    return {"rule_title": about.title, "rule_id": about.id, "level": about.level, "tags": list(about.tags)}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
