"""The drop folder gives each capture's events once, from where the stored positions say."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sensors.packets.replay import replay_capture
from sensors.sources import pcap_folder
from sensors.sources.pcap_folder import Batch, PcapFolder
from tests.naive.frames import CLIENT, SERVER, Conversation, frame, udp, write


def capture(path: Path, count: int, port: int = 1000) -> Path:
    write(path, [frame(udp(CLIENT, port + n, SERVER, 9999, b"x"), n / 1000) for n in range(count)])
    old = time.time() - 60
    os.utime(path, (old, old))
    return path


def drain(folder: PcapFolder, positions: dict[str, str], stop_after: int = 10**9) -> list[Batch]:
    """Steps until there is nothing to do; positions are stored with each batch, as a spool would."""
    found: list[Batch] = []
    idle = 0
    while idle < 3 and len(found) < stop_after:
        batch = folder.step()
        if batch is None:
            idle += 0 if folder.busy else 1
            continue
        for source, position in batch.positions.items():
            if position:
                positions[source] = position
            else:
                positions.pop(source, None)
        if batch.path is not None:
            found.append(batch)
    return found


def ports(batches: list[Batch]) -> list[int]:
    return [event["source"]["port"] for batch in batches for event in batch.events]


def test_each_file_is_read_once_even_after_a_restart(tmp_path: Path) -> None:
    capture(tmp_path / "a.pcap", 700)
    capture(tmp_path / "b.pcapng", 3, 5000)
    capture(tmp_path / "notes.txt", 3)
    positions: dict[str, str] = {}
    found = drain(PcapFolder(tmp_path, positions), positions)
    assert sorted(ports(found)) == [*range(1000, 1700), 5000, 5001, 5002]
    assert set(positions.values()) == {"done"}
    assert drain(PcapFolder(tmp_path, positions), positions) == []
    capture(tmp_path / "c.pcap", 2, 7000)
    assert ports(drain(PcapFolder(tmp_path, positions), positions)) == [7000, 7001]


def test_stopped_anywhere_the_missing_events_follow(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", 1700)
    whole = [event["source"]["port"] for event in replay_capture(path)]
    for stop in range(5):
        positions: dict[str, str] = {}
        before = drain(PcapFolder(tmp_path, positions), positions, stop_after=stop)
        after = drain(PcapFolder(tmp_path, positions), positions)
        assert ports(before) + ports(after) == whole
        firsts = [(batch.source, batch.first + n) for batch in before + after for n in range(len(batch.events))]
        assert [ordinal for _, ordinal in firsts] == list(range(1700))


def test_a_file_that_is_still_written_waits(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", 2)
    os.utime(path)
    folder = PcapFolder(tmp_path, {}, settle_s=60.0)
    assert drain(folder, {}) == []
    old = time.time() - 61
    os.utime(path, (old, old))
    assert len(drain(folder, {})) == 1


def test_damage_is_reported_and_what_is_readable_counts(tmp_path: Path) -> None:
    data = capture(tmp_path / "a.pcap", 10).read_bytes()
    (tmp_path / "a.pcap").write_bytes(data[:-5])
    (tmp_path / "b.pcap").write_bytes(b"not a capture")
    (tmp_path / "gone.pcap").symlink_to(tmp_path / "nowhere")
    old = time.time() - 60
    for name in ("a.pcap", "b.pcap"):
        os.utime(tmp_path / name, (old, old))
    folder = PcapFolder(tmp_path, {})
    assert len(ports(drain(folder, {}))) == 9
    assert any("cut inside a frame" in problem for problem in folder.problems)
    assert any("not a capture" in problem for problem in folder.problems)


def test_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", 2)
    positions: dict[str, str] = {}
    folder = PcapFolder(tmp_path, positions)
    drain(folder, positions)
    path.unlink()
    drain(folder, positions)
    assert positions == {}


def test_a_big_file_is_worked_on_in_steps(tmp_path: Path) -> None:
    course = Conversation().open()
    for _ in range(pcap_folder.FRAMES * 2):
        course.send(True, 16)
    write(tmp_path / "a.pcap", course.frames)
    os.utime(tmp_path / "a.pcap", (1, 1))
    folder = PcapFolder(tmp_path, {})
    assert folder.step() is None
    assert folder.busy
