"""A correlation's groups as a snapshot: columns over all groups, so that 100,000 take half a second.

In:  a `State`. Out: plain values for msgpack, and the same state from them. What `fingerprint` doesn't know (another
     rule under this id, another `VERSION` of this layout) is not read: its windows begin anew.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from typing import Any

from correlator.engine.correlate import entities, packing
from correlator.engine.correlate.group import Group
from correlator.engine.correlate.rows import SIZE
from correlator.engine.correlate.state import State
from correlator.engine.rule import Correlation

VERSION = 3


def fingerprint(rule: Correlation) -> str:
    aliases = sorted((alias, sorted(table.items())) for alias, table in rule.aliases.items())
    told = repr((rule.type, rule.rules, rule.group_by, rule.timespan_s, rule.condition, rule.fields,
                 rule.percentile, rule.terms, aliases))  # fmt: skip
    return f"{VERSION}:" + hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def snapshot(state: State) -> dict[str, Any]:
    groups, says = list(state.groups.values()), state.measure.says
    return {
        "is": fingerprint(state.rule), **{name: getattr(state, name) for name in _COUNTED},
        "unreadable": state.reader.unreadable,
        "keys": list(state.groups), "counts": [len(group.times) for group in groups],
        "times": b"".join(group.times.tobytes() for group in groups),
        "rows": b"".join(group.rows for group in groups),
        "numbers": b"".join(group.whats.tobytes() for group in groups) if says == "number" else b"",
        "whats": None if says in ("number", "nothing") else [group.whats for group in groups],
        "shapes": [group.shape.places for group in groups], "values": [group.values for group in groups],
        "cuts": [group.cuts for group in groups], "lost": [(group.lost, group.lost_at) for group in groups],
        "told": [group.told for group in groups] if state.tells else [],
        "metas": [group.meta for group in groups] if state.keeps_meta else [],
        "arrivals": array("d", (group.last_arrival for group in groups)).tobytes(),
        "prune": [group.prune_at for group in groups],
        "long": [[place, group.long] for place, group in enumerate(groups) if group.long],
    }  # fmt: skip


_COUNTED = ("evicted", "ungrouped", "dropped", "settled", "cut")


def restore(state: State, saved: Mapping[str, Any]) -> None:
    """Into a new state. Does nothing with what another rule or version saved."""
    if saved["is"] != fingerprint(state.rule):
        return
    for name in _COUNTED:
        setattr(state, name, saved[name])
    state.reader.unreadable = saved["unreadable"]
    arrivals = array("d", saved["arrivals"])
    times, rows, numbers, whats = saved["times"], saved["rows"], saved["numbers"], saved["whats"]
    at = 0
    for place, (given, count) in enumerate(zip(saved["keys"], saved["counts"], strict=True)):
        key = (state.shared(given[0]), *given[1:])
        group = state.groups[key] = Group(state.measure.column())
        group.times.frombytes(times[at * 8 : (at + count) * 8])
        group.rows += rows[at * SIZE : (at + count) * SIZE]
        if numbers:
            group.whats.frombytes(numbers[at * 8 : (at + count) * 8])
        elif whats is not None:
            group.whats += map(state.shared, whats[place])
        at += count
        group.shape = entities.shape_of(tuple(saved["shapes"][place]))
        group.values = tuple([state.shared(value) for value in saved["values"][place]])
        group.last_arrival, group.prune_at = arrivals[place], saved["prune"][place]
        group.cuts, (group.lost, group.lost_at) = saved["cuts"][place], saved["lost"][place]
        if state.keeps_meta:
            group.meta = tuple(saved["metas"][place])
        if state.rising:
            packing.rebuild(state.measure, group)
            group.told = [(time, name) for time, name in saved["told"][place]] if state.tells else None
        else:
            state.remember(key, group)
    for place, long in saved["long"]:
        state.groups[tuple(saved["keys"][place])].long = dict(long)
    for key, group in state.groups.items():
        group.size = group.weighed(key)
        state.bytes += group.size
