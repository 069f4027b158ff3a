"""Who had an address when: the indexed lookup equals a slow walk over the story of all assignments."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from api.inventory.addresses import Binding, Known

HOSTS = [f"10.0.{a}.{b}" for a in range(2) for b in range(3)]
NETWORKS = ["10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.0/30", "10.0.0.1/32"]
SYSTEMS = ["HT-1", "HT-2", None]


@dataclass
class Story:
    """Assignments as they were made: (time, value, system); the newest at a value ends the one before."""

    told: list[tuple[float, str, str | None, bool]] = field(default_factory=list)

    def bindings(self) -> dict[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        for at, value, system, own in self.told:
            here = found.setdefault(value, [])
            before = [row for row in here if row.own == own and row.until is None]
            for row in before:
                here[here.index(row)] = Binding(row.since, at, row.system_id, own, row.asset_id)
            here.append(Binding(at, None, system, own, None if own else f"TS-{len(here)}"))
        return found


def known_of(story: Story) -> Known:
    known = Known()
    for value, rows in story.bindings().items():
        if "/" in value:
            network = ipaddress.ip_network(value)
            at = known.networks.setdefault((network.version, network.prefixlen), {})
            at[int(network.network_address)] = rows
        else:
            known.exact[value] = rows
    return known


def slow(story: Story, host: str, at: float) -> set[str]:
    """Widest knowledge first forgotten: exact, then every network from narrow to wide, each read from the story."""
    around = [value for value in NETWORKS if ipaddress.ip_address(host) in ipaddress.ip_network(value)]
    ways = [host, *sorted(around, key=lambda value: -int(value.partition("/")[2]))]
    for value in ways:
        found = set()
        for own in (False, True):
            mine = [(when, system) for when, what, system, sort in story.told if what == value and sort == own]
            if not mine:
                continue
            past = [system for when, system in mine if when <= at]
            holder = past[-1] if past else mine[0][1]
            if holder:
                found.add(holder)
        if found:
            return found
    return set()


ASSIGNED = st.tuples(st.sampled_from(HOSTS + NETWORKS), st.sampled_from(SYSTEMS), st.booleans())


@given(st.lists(ASSIGNED, max_size=14), st.sampled_from(HOSTS), st.floats(-1, 16))
def test_the_lookup_equals_its_slow_twin(assigned: list[tuple[str, str | None, bool]], host: str, at: float) -> None:
    story = Story([(float(n), value, system, own) for n, (value, system, own) in enumerate(assigned)])
    held = known_of(story).at(host, at)
    assert {binding.system_id for binding in held} == slow(story, host, at)
    assert len(held) <= 2
