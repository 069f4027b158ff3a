"""Rule files out of a folder, a git checkout or a zip, as bytes that were looked at: nothing is run, nothing fetched.

In:  a path. Out: `Gathered`: relative path → file, with the ids in it; what was passed over and why; the version, where
     the source tells one (a checkout's commit, the comment of a GitHub archive).
A file counts when a document of it has a `title` and one of detection, correlation, filter. SigmaHQ's deprecated/,
unsupported/ and its tests are not rules to run; hidden folders and links are not followed. Licence files come along.
Bound: FILES_LIMIT files, FILE_LIMIT_BYTES each, TOTAL_LIMIT_BYTES in all, whatever a zip says of itself.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from correlator.engine.documents import FILE_LIMIT_BYTES, DocumentProblem, documents
from correlator.engine.load import FILES_LIMIT, SKIPPED_FOLDERS, SUFFIXES
from sensors.errors import LuytreError, Place, Problem

TOTAL_LIMIT_BYTES = 256 * 1024 * 1024
PATH_LIMIT_CHARS = 160
PARENTS = 8  # of a folder inside a checkout
PASSED_OVER = SKIPPED_FOLDERS | {"deprecated", "unsupported", "tests", "test", "regression_data", "node_modules"}
_LICENCE = re.compile(r"(?i)(licen[cs]e|copying|notice)[\w.\-]*\Z")
# As a backup's parts are named (keeping/parts.py): what it could not name, it could not keep.
_PLAIN = re.compile(r"(?:[\w@+=,-][\w.@+=,-]*/){0,6}[\w@+=,-][\w.@+=,-]*\Z", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class Taken:
    data: bytes
    sha256: str
    ids: tuple[str, ...]


@dataclass(slots=True)
class Gathered:
    version: str = ""
    rules: dict[str, Taken] = field(default_factory=dict)
    licences: dict[str, bytes] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)  # path → why; only what looked like a rule


def gather(source: Path) -> Gathered:
    found = Gathered()
    total = 0
    try:
        if source.is_dir():
            found.version, items = _commit(source), _folder(source, found)
        elif zipfile.is_zipfile(source):
            found.version, items = _comment(source), _zip(source, found)
        else:
            raise _unusable(source, "không phải thư mục hay tệp zip", "neither a folder nor a zip")
        for name, data in items:
            total += len(data)
            if total > TOTAL_LIMIT_BYTES or len(found.rules) >= FILES_LIMIT:
                raise _unusable(source, f"quá {FILES_LIMIT} tệp hoặc {TOTAL_LIMIT_BYTES >> 20} MiB",
                                f"over {FILES_LIMIT} files or {TOTAL_LIMIT_BYTES >> 20} MiB")  # fmt: skip
            _take(name, data, found)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise _unusable(source, f"không đọc được: {error}"[:300], f"cannot be read: {error}"[:300]) from None
    if not found.rules:
        raise _unusable(source, "không có luật Sigma nào", "there is no Sigma rule in it")
    return found


def _take(name: str, data: bytes, found: Gathered) -> None:
    if not name.endswith(SUFFIXES):
        found.licences[name] = data
        return
    try:
        told = [one.value for one in documents(data) if isinstance(one.value, dict)]
    except DocumentProblem as problem:
        found.passed[name] = f"{problem.line}: {problem.reason}"
        return
    rules = [one for one in told if "title" in one and {"detection", "correlation", "filter"} & one.keys()]
    if rules:
        ids = tuple(str(one["id"]) for one in rules if one.get("id"))
        found.rules[name] = Taken(data, hashlib.sha256(data).hexdigest(), ids)


def _folder(source: Path, found: Gathered) -> Iterator[tuple[str, bytes]]:
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if not _wanted(name) or any(parent.is_symlink() for parent in (path, *path.parents[: name.count("/")])):
            continue
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            continue
        if about.st_size > FILE_LIMIT_BYTES or not _PLAIN.match(name) or len(name) > PATH_LIMIT_CHARS:
            found.passed[name[:PATH_LIMIT_CHARS]] = _why(about.st_size)
            continue
        with path.open("rb") as file:
            yield name, file.read(FILE_LIMIT_BYTES)


def _zip(source: Path, found: Gathered) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(source) as archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        top = {one.filename.partition("/")[0] for one in members}
        cut = len(next(iter(top))) + 1 if len(top) == 1 and all("/" in one.filename for one in members) else 0
        for member in sorted(members, key=lambda one: one.filename):
            name = member.filename[cut:]
            pure = PurePosixPath(member.filename)
            if stat.S_ISLNK(member.external_attr >> 16) or pure.is_absolute() or ".." in pure.parts:
                found.passed[member.filename[:PATH_LIMIT_CHARS]] = "leads out of the archive, or is a link"
                continue
            if not _wanted(name):
                continue
            if member.file_size > FILE_LIMIT_BYTES or not _PLAIN.match(name) or len(name) > PATH_LIMIT_CHARS:
                found.passed[name[:PATH_LIMIT_CHARS]] = _why(member.file_size)
                continue
            with archive.open(member) as file:
                data = file.read(FILE_LIMIT_BYTES + 1)  # what it says of its size may be a lie
            if len(data) > FILE_LIMIT_BYTES:
                found.passed[name] = _why(len(data))
                continue
            yield name, data


def _wanted(name: str) -> bool:
    *folders, last = name.split("/")
    if any(one.startswith(".") or one.lower() in PASSED_OVER for one in folders) or last.startswith("."):
        return False
    return last.endswith(SUFFIXES) or (_LICENCE.match(last) is not None and not folders)


def _why(size: int) -> str:
    return (
        f"over {FILE_LIMIT_BYTES} bytes"
        if size > FILE_LIMIT_BYTES
        else "a name that is not plain, too deep or too long"
    )


def _comment(source: Path) -> str:
    """GitHub's archives carry the commit as their comment."""
    with zipfile.ZipFile(source) as archive:
        text = archive.comment[:40].decode("ascii", "replace")
    return text if _COMMIT.match(text) else ""


def _commit(source: Path) -> str:
    """The checkout's commit, read from its files: no git is run on somebody else's repository."""
    here = source.resolve()
    for folder in (here, *list(here.parents)[:PARENTS]):
        git = folder / ".git"
        try:
            head = (git / "HEAD").read_text("ascii").strip()
            if _COMMIT.match(head):
                return head
            name = head.removeprefix("ref: ")
            if not re.fullmatch(r"refs/[\w./\-]{1,200}", name) or ".." in name:
                return ""
            if (git / name).is_file():
                text = (git / name).read_text("ascii").strip()
                return text if _COMMIT.match(text) else ""
            for line in (git / "packed-refs").read_text("ascii").splitlines():
                if line.endswith(" " + name) and _COMMIT.match(line[:40]):
                    return line[:40]
        except (OSError, UnicodeDecodeError):
            continue
        return ""
    return ""


def _unusable(source: Path, vi: str, en: str) -> LuytreError:
    return LuytreError(Problem("LT-R0310", f"không nhập được `{source}`: {vi}", f"cannot import `{source}`: {en}",
                               Place(str(source))))  # fmt: skip
