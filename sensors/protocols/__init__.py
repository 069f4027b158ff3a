"""Application protocols: one file each, found by the registry, each exporting `DISSECTOR`.

A dissector never raises for what a peer sends and never keeps more than its own stated bound. It gets bytes of one
connection: datagrams (UDP) or in-order stream chunks of either direction (TCP), told of gaps and of the end; it gives
`Record`s (one per row that Zeek would log), `Switch` (the rest is another protocol: STARTTLS, CONNECT) or `STOP`
(no more input wanted, e.g. encrypted from here). Siblings do not import each other; shared grammar is in `wire/`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from sensors.fields import Field

Transport = Literal["tcp", "udp"]


class Context(NamedTuple):
    """What a session may know about its flow."""

    transport: Transport
    client_port: int
    server_port: int


class Record(NamedTuple):
    """One event to be: `network.<dataset>` with dotted ECS fields; the flow's endpoints are added."""

    dataset: str
    time_ns: int
    fields: Mapping[str, Any]


class Switch(NamedTuple):
    """From here on another dissector: by module name, or "" to look at the bytes. `rest` was read but not used."""

    protocol: str
    forward: bool = True
    rest: bytes = b""


class Stop(NamedTuple):
    """Nothing more is wanted of this flow."""


STOP = Stop()
Finding = Record | Switch | Stop
NOTHING: Sequence[Finding] = ()


class Session(Protocol):
    """State of one flow. `confirmed` turns true when the bytes are surely this protocol (`network.protocol`)."""

    confirmed: bool

    def feed(self, forward: bool, data: bytes, time_ns: int) -> Sequence[Finding]:
        """`forward`: sent by the originator."""

    def gap(self, forward: bool, length: int, time_ns: int) -> Sequence[Finding]:
        """`length` bytes of a stream were lost."""

    def end(self, time_ns: int) -> Sequence[Finding]:
        """The flow is over: what is pending comes out now."""


class Example(NamedTuple):
    """Input pieces (forward, bytes) and fields that must come out of them, for the contract test."""

    transport: Transport
    pieces: tuple[tuple[bool, bytes], ...]
    expect: Mapping[str, Any]
    server_port: int = 0


@dataclass(frozen=True, slots=True)
class Dissector:
    """`probe(data, forward)`: True = surely mine, False = surely not, None = cannot tell (yet).

    The first bytes of either direction are probed; on a port of `ports` "cannot tell" is taken for a yes once the
    probing budget is spent. `name` is the value of `network.protocol`.
    """

    name: str
    transport: tuple[Transport, ...]
    ports: Collection[int]
    probe: Callable[[bytes, bool], bool | None]
    make: Callable[[Context], Session]
    examples: Sequence[Example]
    fields: Sequence[Field] = field(default=())


@functools.cache
def load() -> Mapping[str, Dissector]:
    """All dissectors by module name."""
    import sensors.protocols as package
    from sensors.registry import find

    return find(package, "DISSECTOR", Dissector, skip=("wire",))
