"""EVTX: real files when the test data is there, hostile ones always. The reading process may be killed, ours not."""

from __future__ import annotations

import os
import random
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from sensors.event import decode, encode, get
from sensors.formats.chain import Chain, found
from sensors.formats.format import Context
from sensors.sources.evtx import EvtxReader
from sensors.sources.evtx_folder import EvtxFolder

DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared" / "data")
CHAIN, CONTEXT = Chain(found()), Context(1_770_000_000.0, UTC)


@pytest.fixture
def reader() -> Iterator[EvtxReader]:
    with EvtxReader(stall_s=5) as one:
        yield one


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    packed = DATA / "evtx_attack" / "evtx_attack.tar.xz"
    if not packed.exists():
        pytest.skip("no test data")
    folder = tmp_path_factory.mktemp("evtx")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return sorted(folder.rglob("*.evtx"))


@pytest.mark.parametrize("data", [b"", b"ElfFile\x00", b"ElfFile\x00" + bytes(100_000), b"\xff" * 70_000], ids=len)
def test_what_is_no_event_log_is_a_problem(reader: EvtxReader, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.evtx"
    path.write_bytes(data)
    for _ in range(2):  # and the reader lives on
        assert all(record.payload is None for record in reader.read(path))


def child(tmp_path: Path, body: str) -> Path:
    script = tmp_path / "child.py"
    script.write_text(f"import sys, time, struct\nfor line in sys.stdin:\n    {body}\n", encoding="utf-8")
    return script


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(600)",
        "exit(3)",
        "[None for _ in iter(int, 1)]",
        "sys.stdout.buffer.write(b'\\xff\\xff\\xff\\xffR'); sys.stdout.flush(); time.sleep(600)",
    ],
    ids=["hangs", "dies", "loops", "lies"],
)
def test_a_reading_process_that_misbehaves_is_stopped(tmp_path: Path, body: str) -> None:
    (tmp_path / "x.evtx").write_bytes(b"ElfFile\x00")
    started = time.monotonic()
    with EvtxReader(stall_s=1, child=child(tmp_path, body)) as one:
        records = list(one.read(tmp_path / "x.evtx"))
    assert [record.payload for record in records] == [None]
    assert records[0].problem
    assert time.monotonic() - started < 10


def test_a_reader_left_half_way_starts_anew(tmp_path: Path) -> None:
    send = "[sys.stdout.buffer.write(struct.pack('>I', 2) + b'R{}') for _ in range(3)]; "
    send += "sys.stdout.buffer.write(struct.pack('>I', 0) + b'F'); sys.stdout.flush()"
    path = tmp_path / "x.evtx"
    path.write_bytes(b"")
    with EvtxReader(stall_s=5, child=child(tmp_path, send)) as one:
        first = one.read(path)
        assert next(first).number == 1
        first.close()  # type: ignore[attr-defined]
        assert [record.number for record in one.read(path)] == [1, 2, 3]


@pytest.mark.conformance
def test_real_files_as_winlogbeat_lays_them_out(reader: EvtxReader, samples: list[Path]) -> None:
    channels = set()
    for path in samples[:60]:
        for record in reader.read(path):
            assert record.payload is not None, record.problem
            event = CHAIN.payload(record.payload, CONTEXT)
            decode(encode(event))
            assert str(get(event, "event.dataset")).startswith("windows.")
            assert get(event, "event.code") == get(event, "winlog.event_id")
            assert get(event, "host.name")
            assert event["@timestamp"] < "2026"
            assert all(isinstance(value, str) for value in (get(event, "winlog.event_data") or {}).values())
            channels.add(get(event, "event.dataset"))
    assert {"windows.security", "windows.sysmon_operational"} <= channels


@pytest.mark.conformance
def test_mutated_files_never_stop_us(reader: EvtxReader, samples: list[Path], tmp_path: Path) -> None:
    chance, path = random.Random(7), tmp_path / "x.evtx"
    for _ in range(40):
        data = bytearray(chance.choice(samples).read_bytes())
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        for record in reader.read(path):
            if record.payload is not None:
                decode(encode(CHAIN.payload(record.payload, CONTEXT)))


@pytest.mark.conformance
def test_a_folder_gives_each_record_once(samples: list[Path], tmp_path: Path) -> None:
    big = max(samples, key=lambda path: path.stat().st_size)
    with EvtxReader() as reader:
        wanted = sum(1 for _ in reader.read(big))
    (tmp_path / "a.evtx").write_bytes(big.read_bytes())
    os.utime(tmp_path / "a.evtx", (1, 1))
    positions: dict[str, str] = {}
    seen: list[int] = []
    for stop_after in (1, 1000):  # the first life ends after one batch
        folder = EvtxFolder([str(tmp_path / "*.evtx")], positions, settle_s=0)
        for number, batch in enumerate(folder.batches(limit=20), 1):
            seen += [record.number for record in batch.records]
            positions |= batch.positions
            if number == stop_after:
                break
        folder.close()
    assert seen == list(range(1, wanted + 1))
    (tmp_path / "a.evtx").unlink()
    folder = EvtxFolder([str(tmp_path / "*.evtx")], positions, settle_s=0)
    assert [set(batch.positions.values()) for batch in folder.batches()] == [{""}]
    folder.close()
