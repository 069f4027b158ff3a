"""The tailer's promises: every line once, through everything that happens to log files."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensors.clock import ManualClock
from sensors.formats.format import LINE_LIMIT_BYTES
from sensors.sources.followed import CHUNK_BYTES
from sensors.sources.tail import Tailer


class Follower:
    """A tailer whose positions survive it, as the spool keeps them."""

    def __init__(self, folder: Path, *patterns: str, at_end: bool = False) -> None:
        self.folder, self.clock = folder, ManualClock(2_000_000_000)
        self.patterns, self.at_end = [str(folder / pattern) for pattern in patterns], at_end
        self.positions: dict[str, str] = {}
        self.ids: list[tuple[str, int]] = []
        self.cut: list[bool] = []
        self.tailer = self.start()

    def start(self) -> Tailer:
        return Tailer(self.patterns, self.positions, clock=self.clock, at_end=[self.at_end] * len(self.patterns))

    def restart(self) -> None:
        self.tailer.close()
        self.tailer = self.start()

    def read(self, limit: int = 2000) -> list[str]:
        out: list[str] = []
        self.tailer.scan()
        for _ in range(200):
            batch = self.tailer.read(limit)
            for key, text in batch.positions.items():
                self.positions[key] = text
                if not text:
                    del self.positions[key]
            out += [line.data.decode() for line in batch.lines]
            self.ids += [(line.source, line.offset) for line in batch.lines]
            self.cut += [line.cut for line in batch.lines]
            if not batch.lines and not batch.positions:
                break
        assert len(self.ids) == len(set(self.ids)), "two lines with one id"
        return out


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Callable[..., Follower]]:
    made: list[Follower] = []

    def make(*patterns: str, at_end: bool = False) -> Follower:
        made.append(Follower(tmp_path, *patterns, at_end=at_end))
        return made[-1]

    yield make
    for one in made:
        one.tailer.close()


def write(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("ab") as file:
        file.write("".join(line + end for line in lines).encode())


def test_lines_as_they_come_and_files_that_appear_later(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("*.log")
    assert one.read() == []
    write(tmp_path / "a.log", "1", "2\r")
    assert one.read() == ["1", "2"]
    write(tmp_path / "b.log", "3")
    write(tmp_path / "a.log", "4")
    assert sorted(one.read()) == ["3", "4"]
    assert one.read() == []


def test_a_partial_line_waits_for_its_newline(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "1")
    write(tmp_path / "a.log", "nửa", end="")
    assert one.read() == ["1"]
    one.clock.move(1000)
    assert one.read() == []
    write(tmp_path / "a.log", " kia")
    assert one.read() == ["nửa kia"]


def test_a_partial_line_of_a_rotated_file_is_taken_after_a_while(
    follow: Callable[..., Follower], tmp_path: Path
) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "1")
    write(tmp_path / "a.log", "half", end="")
    assert one.read() == ["1"]
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    assert one.read() == []
    one.clock.move(6)
    assert one.read() == ["half"]


def test_rename_and_create(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "same first line", "1")
    assert one.read() == ["same first line", "1"]
    write(tmp_path / "a.log", "2")
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    write(tmp_path / "a.log.1", "3 by a writer that still has it open")
    write(tmp_path / "a.log", "same first line", "4")
    assert sorted(one.read()) == ["2", "3 by a writer that still has it open", "4", "same first line"]
    one.clock.move(61)
    assert one.read() == []
    assert len(one.positions) == 1  # the old file's is forgotten


def test_renamed_while_nobody_watched(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "1")
    one.read()
    write(tmp_path / "a.log", "2")
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    write(tmp_path / "a.log", "3")
    one.restart()
    assert sorted(one.read()) == ["2", "3"]


def test_a_glob_finds_the_renamed_file_again(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log*")
    write(tmp_path / "a.log", "1")
    one.read()
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    write(tmp_path / "a.log", "2")
    assert one.read() == ["2"]
    one.restart()
    assert one.read() == []


def test_packed_files_are_not_read_again(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log*")
    write(tmp_path / "a.log", "1")
    assert one.read() == ["1"]
    (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(b"1\n"))
    (tmp_path / "a.log").unlink()
    write(tmp_path / "a.log", "2")
    assert one.read() == ["2"]
    one.restart()
    assert one.read() == []


@pytest.mark.parametrize("pattern", ["a.log", "a.log*"])
def test_copytruncate(follow: Callable[..., Follower], tmp_path: Path, pattern: str) -> None:
    one = follow(pattern)
    lines = [f"line {number}" for number in range(400)]
    write(tmp_path / "a.log", *lines)
    assert one.read() == lines
    shutil.copyfile(tmp_path / "a.log", tmp_path / "a.log.1")
    (tmp_path / "a.log").write_bytes(b"")
    assert one.read() == []
    write(tmp_path / "a.log", "line 0", "next")
    assert one.read() == ["line 0", "next"]
    one.restart()
    assert one.read() == []


def test_truncated_and_filled_beyond_the_old_size(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "header", "old 1")
    assert one.read() == ["header", "old 1"]
    (tmp_path / "a.log").write_bytes(b"header\nnew 1\nnew 2\nnew 3\n")
    assert one.read() == ["header", "new 1", "new 2", "new 3"]
    (tmp_path / "a.log").write_bytes(b"header\nlast\n")
    one.restart()
    assert one.read() == ["header", "last"]


def test_an_inode_used_again_is_another_file(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    for number in range(5):
        write(tmp_path / "a.log", "header", f"{number}")
        assert one.read() == ["header", f"{number}"]
        (tmp_path / "a.log").unlink()
        one.read()
        if number % 2:
            one.clock.move(61)
            one.read()
            one.restart()


def test_overlong_lines_are_cut_and_the_rest_skipped(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "x" * (3 * CHUNK_BYTES + 7), end="")
    got = one.read()
    assert [len(line) for line in got] == [LINE_LIMIT_BYTES]
    assert one.cut == [True]
    one.restart()  # in the middle of the skipped line
    write(tmp_path / "a.log", "tail of it", "next")
    assert one.read() == ["next"]


def test_a_backlog_is_read_in_turns(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("*.log")
    for name in "ab":
        write(tmp_path / f"{name}.log", *(f"{name}{number}" for number in range(5000)))
    one.tailer.scan()
    first = one.tailer.read(100).lines + one.tailer.read(100).lines
    assert {line.data[:1] for line in first} == {b"a", b"b"}


def test_from_the_end_at_the_first_start_only(follow: Callable[..., Follower], tmp_path: Path) -> None:
    write(tmp_path / "a.log", "old", "older")
    one = follow("*.log", at_end=True)
    assert one.read() == []
    write(tmp_path / "a.log", "new")
    write(tmp_path / "b.log", "b is new")
    assert sorted(one.read()) == ["b is new", "new"]
    one.restart()
    write(tmp_path / "c.log", "c")
    assert one.read() == ["c"]


def test_unreadable_things_are_told_and_left(follow: Callable[..., Follower], tmp_path: Path) -> None:
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "nowhere.log").symlink_to(tmp_path / "missing")
    one = follow("*.log")
    assert one.read() == []
    write(tmp_path / "a.log", "1")
    assert one.read() == ["1"]


def test_damaged_positions_mean_reading_anew(follow: Callable[..., Follower], tmp_path: Path) -> None:
    one = follow("a.log")
    write(tmp_path / "a.log", "1")
    one.read()
    for text in ("", "x", "5:a:0:zz:/a", "99999999999:a:0:00:/a", "-1:a:0:00:/a"):
        one.tailer.close()
        one.positions = dict.fromkeys(one.positions, text) or {"file:1.2-zz": text}
        one.tailer = one.start()
        assert one.read() == ["1"]
