"""The set files of a folder, looked at again and again: what is in force, and why an older set is kept.

In:  `<data>/…/*.ltind`, each replaced whole by the API (rename). Out: `look()` says whether anything changed; `tables`.
A damaged file leaves that agency's set which is in force, and says so; one that is gone takes its values along.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from correlator.indicators.table import IndicatorTable


class _File(NamedTuple):
    stamp: tuple[int, int, int]
    table: IndicatorTable | None
    error: str = ""


class Watch:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, _File] = {}

    @property
    def tables(self) -> dict[str, IndicatorTable]:
        return {file.table.agency: file.table for file in self._files.values() if file.table is not None}

    @property
    def error(self) -> str:
        return "; ".join(file.error for file in self._files.values() if file.error)

    def look(self) -> bool:
        """Whether a file came, changed or went since the last look."""
        found = {path: file for path in sorted(self._folder.glob("*.ltind")) if (file := self._file(path))}
        if found == self._files:
            return False
        self._files = found
        return True

    def _file(self, path: Path) -> _File | None:
        before = self._files.get(path)
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if before is not None and before.stamp == stamp:
                return before
            return _File(stamp, IndicatorTable(path))
        except OSError:
            return None  # taken away while we looked
        except ValueError as error:
            return _File(stamp, before.table if before else None, str(error))
