"""The flow table: finds or makes the flow of a packet, forgets flows in time, evicts at its limit.

In:  keys and the capture's clock. Out: flows that are over, through `ended`.
Timers lie in one heap; an entry is only a reminder, the flow itself says whether it is over (so a busy flow costs one
reminder per timeout, not per packet). Bound: `limit` flows; beyond, the flow that began first is ended early and
counted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from sensors.packets.flow import Flow

LIMIT_FLOWS = 200_000


class FlowTable:
    def __init__(self, ended: Callable[[Flow], None], limit: int = LIMIT_FLOWS) -> None:
        self.flows: dict[bytes, Flow] = {}
        self.evicted = 0
        self._ended = ended
        self._limit = limit
        self._heap: list[tuple[int, int, Flow]] = []
        self._ticket = count()

    def add(self, flow: Flow) -> None:
        if len(self.flows) >= self._limit:
            self.evicted += 1
            self.remove(next(iter(self.flows.values())))
        self.flows[flow.key] = flow
        self.wake(flow, flow.due_ns())

    def wake(self, flow: Flow, at_ns: int) -> None:
        heapq.heappush(self._heap, (at_ns, next(self._ticket), flow))

    def expire(self, now_ns: int) -> None:
        heap = self._heap
        while heap and heap[0][0] <= now_ns:
            flow = heapq.heappop(heap)[2]
            if flow.done:
                continue
            if flow.over(now_ns):
                self.remove(flow)
            else:
                due = flow.due_ns()
                if due > now_ns:
                    self.wake(flow, due)

    def remove(self, flow: Flow) -> None:
        if self.flows.get(flow.key) is flow:
            del self.flows[flow.key]
        flow.done = True
        self._ended(flow)

    def finish(self) -> None:
        for flow in list(self.flows.values()):
            self.remove(flow)
        self._heap.clear()
