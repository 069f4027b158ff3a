"""Every two seconds: set files that are older than their sources, and a slice of the oldest open hunt."""

from __future__ import annotations

from api.indicators.hunting import Hunter
from api.indicators.publish import Publisher
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    if node.indicators is None:
        node.indicators = (Publisher(node.db, node.data), Hunter(node.db, node.reader, node.clock))
    publisher, hunter = node.indicators
    made = publisher.run(node.clock.now())
    hunted = hunter.run()
    told = [f"{count} indicators for {agency or 'all'}" for agency, count in made.items()]
    return ", ".join([*told, *(["a slice of a hunt"] if hunted else [])])


JOB = Job(every_s=2.0, run=run)
