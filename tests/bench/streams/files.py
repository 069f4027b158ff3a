"""Attack files with a match, and what fires at high or above on ordinary files: our engine and RSigma, same rules.

In:  the third-party data, SigmaHQ's rules unpacked. Out: for each engine the attack files with any match and the
(file, rule) pairs of level high and critical on ordinary ones. `python -m tests.bench.streams.files DATA --rules R`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from correlator.engine import Engine
from correlator.inputs import Inputs
from correlator.peer import Flattener
from sensors.event import Event, get
from tests.bench.streams import peer
from tests.bench.streams.corpus import unpacked
from tests.bench.streams.differences import Pair, their_pairs
from tests.bench.streams.make import PIPELINES

LOUD = ("high", "critical")


def events(data: Path, folder: Path) -> dict[str, tuple[str, Event]]:
    """Event id → its file and itself, of evtx_attack and evtx_benign."""
    files = [str(path) for path in unpacked(data, folder) if "evtx_attack" in path.parts or "evtx_benign" in path.parts]
    return {str(get(event, "event.id")): (path, event) for path, event in Inputs(files)}


def our_pairs(engine: Engine, found: Mapping[str, tuple[str, Event]]) -> set[Pair]:
    return {(match.rule.id, name) for name, (_, event) in found.items() for match in engine.match(event)}


def judged(pairs: set[Pair], found: Mapping[str, tuple[str, Event]], engine: Engine) -> dict[str, object]:
    """Attack files with a match; what is loud on ordinary ones."""
    levels = {rule.id: (rule.about.level, rule.about.title) for rule in engine.rules}
    alerted = {found[event][0] for _, event in pairs if "evtx_attack" in found[event][0]}
    loud: dict[str, int] = {}
    for rule, event in pairs:
        path = found[event][0]
        level, title = levels.get(rule, ("", rule))
        if "evtx_benign" in path and level in LOUD:
            key = f"{Path(path).name}: {level}: {title} ({rule})"
            loud[key] = loud.get(key, 0) + 1
    return {"attack files with a match": len(alerted), "ordinary, high and above": dict(sorted(loud.items())),
            "files": sorted(alerted)}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rules", type=Path, required=True)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = events(args.data, folder)
        engine = Engine.load([args.rules], [PIPELINES])
        shown = {"ours": judged(our_pairs(engine, found), found, engine)}
        program = peer.rsigma()
        if program:
            flatten = Flattener([PIPELINES])
            pairs = their_pairs(program, args.rules, [flatten(event) for _, event in found.values()], folder)
            shown["rsigma"] = judged(pairs, found, engine)
    named = {who: set(one.pop("files")) for who, one in shown.items()}  # type: ignore[call-overload]
    print(json.dumps({"events": len(found)} | shown, ensure_ascii=False, indent=1))
    if len(named) == 2:
        for who, other in (("ours", "rsigma"), ("rsigma", "ours")):
            for path in sorted(named[who] - named[other]):
                print(f"only {who}: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
