"""Every bound of the machine port in one place. Source: B5, B7, B8 of the reliability study; OTel's 20 MiB."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    wire_bytes: int = 10 * MIB  # a body as sent
    inflated_bytes: int = 20 * MIB  # the same, decompressed
    items: int = 20_000  # documents of one request: tiny ones cost more than their bytes
    action_bytes: int = 4 * 1024
    id_bytes: int = 512  # Elasticsearch's own limit for _id
    event_bytes: int = 256 * 1024
    depth: int = 32
    fields: int = 1000
    # Bodies of all requests together while they arrive or wait: 500 slow clients must not fill the memory.
    held_bytes: int = 64 * MIB
    held_per_machine: int = 8  # requests of one machine at a time: one sensor cannot crowd out the others
    queue_bytes: int = 24 * MIB  # inflated, decoded, waiting for the commit
    idle_s: float = 20.0  # between two pieces of a body
    rate_after_s: float = 30.0  # from then on a body must have come at
    rate_bytes_per_s: int = 256  # ... this average; a 2 kbit/s link is slower than any that we know
    small_body_bytes: int = 64 * 1024  # /enrol, /renew: anything that is not bulk


LIMITS = Limits()
