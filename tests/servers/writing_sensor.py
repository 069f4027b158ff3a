"""A sensor that writes numbered events to its spool until it is stopped or killed; it goes on where its spool says.

`python -m tests.servers.writing_sensor SPOOL OBSERVER`. Event n is issued exactly once over all restarts: its
number is the source's position, durable with it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from sensors.event import event_id, new_event
from sensors.spool import SpoolWriter

SOURCE = "test"


def main() -> None:
    folder, observer = Path(sys.argv[1]), sys.argv[2]
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    dice = random.Random(os.getpid())
    spool = SpoolWriter(folder, observer=observer)
    number = int(spool.positions.get(SOURCE, "0"))
    while not stop:
        count = dice.randint(1, 40)
        events = [
            new_event(
                "test", time.time(),
                {"event.id": event_id(observer, SOURCE, str(n)), "agent.type": folder.name, "message": f"sự kiện {n}",
                 "luytre.test.number": n},
            )
            for n in range(number + 1, number + count + 1)
        ]  # fmt: skip
        number += count
        spool.append(events, {SOURCE: str(number)})
        time.sleep(dice.uniform(0, 0.02))
    spool.close()


if __name__ == "__main__":
    main()
