"""sigma-cli as a child: its checks and its conversions, over copies in a folder of our own.

It resolves references only within the folder it is given, would take pipelines for rules, and judges file names; so
each file is copied alone into a numbered folder, and its words are given the real paths back.
Bound: TIMEOUT_S. sigma-cli keeps its own plugins and caches in HOME: it gets an empty one, and nothing to download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sensors.errors import Hint, LuytreError, Problem

TIMEOUT_S = 300


class Said(NamedTuple):
    code: int
    out: str
    err: str


def program() -> str:
    found = shutil.which("sigma", path=str(Path(sys.executable).parent)) or shutil.which("sigma")
    if found is None:
        raise LuytreError(Problem(
            "LT-R0303", "chưa có sigma-cli", "sigma-cli is missing",
            hints=(Hint("cài: pip install sigma-cli", "install it: pip install sigma-cli"),),
        ))  # fmt: skip
    return found


@contextmanager
def copies(files: Iterable[Path]) -> Iterator[tuple[Path, dict[Path, Path]]]:
    """(folder, copy → original)."""
    with tempfile.TemporaryDirectory(prefix="luytre-rules-") as stage:
        yield Path(stage), {_copy(file, number, Path(stage)): file for number, file in enumerate(files)}


def run(words: Sequence[str], made: dict[Path, Path], timeout_s: float = TIMEOUT_S) -> Said:
    with tempfile.TemporaryDirectory(prefix="luytre-sigma-") as home:
        try:
            done = subprocess.run(
                [program(), *words], capture_output=True, text=True, timeout=timeout_s, check=False,
                env={**os.environ, "HOME": home, "XDG_CACHE_HOME": home, "NO_COLOR": "1", "PYTHONSAFEPATH": "1"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise LuytreError(Problem("LT-R0304", f"sigma-cli không xong trong {timeout_s:g} giây",
                                      f"sigma-cli did not end within {timeout_s:g} s")) from None  # fmt: skip
    return Said(done.returncode, _real(done.stdout, made), _real(done.stderr, made))


def _real(text: str, made: dict[Path, Path]) -> str:
    for copy, file in made.items():
        if copy.name in text:
            text = text.replace(str(copy), str(file)).replace(str(copy.resolve()), str(file))
    return text


def _copy(file: Path, number: int, stage: Path) -> Path:
    folder = stage / f"{number:05}"  # two folders may hold files of one name, and sigma-cli judges the name
    folder.mkdir()
    copy = folder / file.name
    copy.write_bytes(file.read_bytes())
    return copy
