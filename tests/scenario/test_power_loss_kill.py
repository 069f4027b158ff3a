"""F1, F2: real processes, real files, SIGKILL at random moments, a reader that follows all the time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from sensors.durable.log import LogReader, LogWriter
from sensors.event import decode, get
from sensors.spool import SpoolReader, SpoolWriter

CHILD = """
import sys, time
from pathlib import Path
from sensors.event import new_event
from sensors.spool import SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), limit_bytes=1 << 30)
writer._log._segment_bytes = 20_000
number = int(writer.positions.get("tap", "0"))
print("start", number, flush=True)
while True:
    size = 1 + number % 50
    text = str(number * 31) * 40
    events = [new_event("syslog", 1.7e9, {"event.id": str(number + at), "message": text}) for at in range(size)]
    number += size
    writer.append(events, {"tap": str(number)})
    print("acked", number, flush=True)
"""


def test_sigkill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    draw = random.Random(4)
    folder = tmp_path / "spool" / "log"
    acked = 0
    delivered: list[int] = []
    with SpoolReader(folder) as reader:
        for _ in range(7):
            with subprocess.Popen(
                [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
            ) as child:
                assert child.stdout is not None
                for line in range(draw.randrange(1, 120)):
                    word, number = child.stdout.readline().split()
                    if word == "start":
                        assert int(number) >= acked, "a source would go on before what it was told is safe"
                    acked = int(number)
                    if line % 10 == 0:
                        delivered += [
                            int(get(decode(item.event_bytes), "event.id")) for item in reader.read(500, 1 << 20)
                        ]
                child.send_signal(signal.SIGKILL)
                rest = child.stdout.read().split()
                acked = int(rest[-1]) if rest and rest[-1].isdigit() else acked
        with SpoolWriter(folder) as writer:
            final = int(writer.positions["tap"])
            assert final >= acked
            while items := reader.read(5000, 1 << 30):
                delivered += [int(get(decode(item.event_bytes), "event.id")) for item in items]
    assert delivered == list(range(final))


READER = """
import sys
from pathlib import Path
from sensors.durable.log import LogReader
reader = LogReader(Path(sys.argv[1]))
after, expected = None, 0
print("ready", flush=True)
while expected < int(sys.argv[2]):
    batch = reader.read(after, 300)
    assert batch.lost is None, batch.lost
    for _, item in batch.items:
        assert int(item) == expected, (item, expected)
        expected += 1
    after = batch.next
assert reader.damaged == 0
"""


def test_l2_another_process_follows_without_a_gap(tmp_path: Path) -> None:
    total = 20_000
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "log"), str(total)], stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        number = 0
        with LogWriter(tmp_path / "log", segment_bytes=30_000) as writer:
            while number < total:
                size = min(1 + number % 37, total - number)
                writer.append([b"%d" % (number + at) for at in range(size)])
                number += size
        assert child.wait(20) == 0
    with LogReader(tmp_path / "log") as reader:
        assert reader.ordinal_end() == total
