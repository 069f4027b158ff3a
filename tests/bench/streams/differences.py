"""Per (rule, event): what our engine matches and RSigma does not, and the reverse, each explained by class.

In:  the third-party data and `rsigma` on PATH. Out: counts by class, and every pair that no class explains, rule by
rule. `compare()` is what the conformance test calls; `python -m tests.bench.streams.differences DATA` prints the whole.
What each class means stands in correlator/engine/README.md, "Against RSigma".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from correlator.engine import Engine
from correlator.engine import sources as routing
from correlator.engine.conditions import AllOf, AnyOf, Condition, Not, SameAs
from correlator.engine.rule import Rule
from correlator.peer import EVENT_ID, TIMEOUT_S, Flattener, words
from sensors.event import decode, encode, get
from tests.bench.streams import peer
from tests.bench.streams.corpus import corpus
from tests.bench.streams.derived import events as derived
from tests.bench.streams.make import PIPELINES, ROOT

Pair = tuple[str, str]  # rule id, event id
TAGS = frozenset(("product", "service", "category"))


@dataclass(slots=True)
class Differences:
    common: int = 0
    rules: int = 0  # that both matched at least once
    only_ours: dict[str, list[Pair]] = field(default_factory=lambda: defaultdict(list))  # class → pairs
    only_theirs: dict[str, list[Pair]] = field(default_factory=lambda: defaultdict(list))

    def unexplained(self) -> list[Pair]:
        return [*self.only_ours.get("", ()), *self.only_theirs.get("", ())]


def compare(engine: Engine, rules: Path, lines: Sequence[bytes], folder: Path, program: str) -> Differences:
    flatten = Flattener([PIPELINES])
    events = {str(get(event, "event.id")): event for event in map(decode, lines)}
    flats = {name: flatten(event) for name, event in events.items()}
    ours = {(match.rule.id, name) for name, event in events.items() for match in engine.match(event)}
    theirs = their_pairs(program, rules, flats.values(), folder)
    known = {rule.id: rule for rule in engine.rules}
    found = Differences(common=len(ours & theirs), rules=len({rule for rule, _ in ours & theirs}))
    sources = routing.Sources(routing.load(routing.read([PIPELINES])))
    for pair in sorted(ours - theirs):
        found.only_ours[_why_ours(known[pair[0]], flats[pair[1]])].append(pair)
    for pair in sorted(theirs - ours):
        found.only_theirs[_why_theirs(known.get(pair[0]), sources, events[pair[1]])].append(pair)
    return found


def their_pairs(program: str, rules: Path, flats: Iterable[Mapping[str, Any]], folder: Path) -> set[Pair]:
    given, out = folder / "given.flat.jsonl", folder / "theirs.ndjson"
    given.write_bytes(b"".join(encode(dict(one)) + b"\n" for one in flats))
    subprocess.run(words(program, rules, given, out, "--include-event"), check=True, timeout=TIMEOUT_S,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)  # fmt: skip
    pairs = set()
    with out.open("rb") as file:
        for line in file:
            match = msgspec.json.decode(line)
            pairs.add((str(match["rule_id"]), str(match["event"][EVENT_ID])))
    return pairs


def _why_ours(rule: Rule, flat: Mapping[str, Any]) -> str:
    tagged = rule.logsource.category
    if tagged and flat.get("category") and tagged != flat["category"]:
        return "the event is of several categories"
    if rule.logsource.service and flat.get("service") and rule.logsource.service != flat["service"]:
        return "the event is of several services"
    if any(isinstance(flat.get(name), list) for name in referred(rule.condition)):
        return "a fieldref to or from a list"
    return ""


def referred(condition: Condition) -> Iterator[str]:
    """Fields that are compared with each other."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from referred(part)
        case Not(part):
            yield from referred(part)
        case SameAs(name, other):
            yield from (name, other)
        case _:
            pass


def _why_theirs(rule: Rule | None, sources: routing.Sources, event: Mapping[str, Any]) -> str:
    if rule is None:
        return "the rule waits for a placeholder's values"
    covered = any(rule.logsource.covers(one.logsource) for one in sources.of(routing.flat(event)))
    return "" if covered else "its log source is not said, so they try every rule"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rules", type=Path, required=True, help="folder of SigmaHQ's rules, unpacked")
    parser.add_argument("--derived", action="store_true", help="events made from the rules, not the recorded ones")
    parser.add_argument("--into", type=Path, help="where the corpus is kept")
    args = parser.parse_args(argv)
    program = peer.rsigma()
    if program is None:
        print("rsigma is not on PATH", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        engine = Engine.load([args.rules], [PIPELINES])
        if args.derived:
            lines = [encode(event) for event in derived(engine.rules, routing.load(routing.read([PIPELINES])))]
        else:
            lines = corpus(args.data, args.into or Path(name)).read_bytes().splitlines()
        found = compare(engine, args.rules, lines, Path(name), program)
    titles = {rule.id: rule.about.title for rule in engine.rules}
    print(json.dumps({"events": len(lines), "rules": len(engine.rules), "common": found.common,
                      "rules both matched": found.rules,
                      "only ours": {why: len(pairs) for why, pairs in found.only_ours.items()},
                      "only theirs": {why: len(pairs) for why, pairs in found.only_theirs.items()}}))  # fmt: skip
    for side, classes in (("ours", found.only_ours), ("theirs", found.only_theirs)):
        for why, pairs in classes.items():
            example = dict(reversed(pairs))
            for rule, count in Counter(rule for rule, _ in pairs).most_common():
                print(f"only {side}: {why or '?'}: {count} × {rule} {titles.get(rule, '')} e.g. {example[rule]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
