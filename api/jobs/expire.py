"""Retention of the event store: what is older than `[store] days` or over its budget goes by policy, counted."""

from __future__ import annotations

from typing import get_args

from api.jobs import Job
from api.runtime import Runtime
from correlator.store.base import Retention, Stream
from correlator.store.config import StoreTable


def run(node: Runtime) -> str:
    table = node.config.table("store", StoreTable) if node.config else StoreTable()
    said = []
    streams: tuple[Stream, ...] = get_args(Stream)
    for stream in streams:
        gone = node.writer.expire(Retention(table.days, table.limit_bytes), stream)
        if gone.events or gone.bytes:
            said.append(f"{stream}: {gone.events} events, {gone.bytes} bytes")
    if said:
        node.log.info("expired", what="; ".join(said), days=table.days, limit_bytes=table.limit_bytes)
    return "; ".join(said)


JOB = Job(every_s=600, run=run)
