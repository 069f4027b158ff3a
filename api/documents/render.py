"""Drawing a document: the stored model becomes bytes, in a process of its own.

In:  a `Body` and "docx" or "pdf". Out: bytes, or `Problem`: LT-A0510 no font, LT-A0503 it took too long.
A process per drawing, because both libraries together hold 60 MB that an idle API must not keep, and because the model
is full of strangers' words: a crash or an endless loop in a writer ends there. Bound: AT_ONCE drawings, LIMIT_S each,
MEMORY_BYTES of address space, OUTPUT_BYTES of output; no network (typst finds no package and no file but the template).
The PDF is PDF/A-2b, set in Times New Roman or a face as wide (fonts.py). On a machine that has none it is refused, and
the answer says which package to install; the .docx only names its font.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from api.documents import fonts
from api.documents.model import Body
from api.problems import Problem

Format = Literal["docx", "pdf"]
KINDS: dict[Format, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}
AT_ONCE = 2
LIMIT_S = 60
MEMORY_BYTES = 3 * 1024**3  # of address space
OUTPUT_BYTES = 16 * 1024 * 1024
NO_FONT = 44  # exit code of the process
TEMPLATE = Path(__file__).with_name("report.typ")
_turn = threading.BoundedSemaphore(AT_ONCE)


def draw(body: Body, kind: Format, made_at: float) -> bytes:
    if not _turn.acquire(timeout=LIMIT_S):
        raise Problem("LT-A0503", headers={"Retry-After": "5"})
    try:
        work = subprocess.run(
            [sys.executable, "-m", "api.documents.render", kind, repr(made_at)],
            input=body.model_dump_json().encode(), capture_output=True, timeout=LIMIT_S, check=False,
            env=_environment(), cwd=Path(__file__).parents[2],
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Problem("LT-A0503", headers={"Retry-After": "5"}) from None
    finally:
        _turn.release()
    if work.returncode == NO_FONT:
        raise Problem("LT-A0510")
    if work.returncode or not work.stdout or len(work.stdout) > OUTPUT_BYTES:
        raise RuntimeError(f"drawing a {kind} ended with {work.returncode}: {work.stderr[-500:]!r}")
    return work.stdout


def pdf(body: Body, made_at: float) -> bytes:
    """In this process: typst compiles the template with the body as a string input."""
    import typst

    face = fonts.face()
    if face is None:
        raise FontMissing
    known = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=face.folders)
    shown = fonts.legible(body.model_dump(mode="json"), fonts.covered(face.files))
    with tempfile.TemporaryDirectory() as nothing:  # packages and their cache: an empty folder, nothing is fetched
        made: bytes = typst.compile(
            str(TEMPLATE), root=str(TEMPLATE.parent), font_paths=known, format="pdf", package_path=nothing,
            package_cache_path=nothing, pdf_standards=["a-2b"], timestamp=datetime.fromtimestamp(int(made_at), UTC),
            sys_inputs={"body": json.dumps(shown), "font": face.family},
        )  # fmt: skip
    return made


class FontMissing(Exception):
    pass


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "XDG_DATA_HOME")
            if name in os.environ}  # fmt: skip
    return kept | {"RAYON_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
    kind, made_at = sys.argv[1], float(sys.argv[2])
    body = Body.model_validate(json.loads(sys.stdin.buffer.read()))
    if kind == "docx":
        from api.documents import docx

        made = docx.write(body)
    else:
        try:
            made = pdf(body, made_at)
        except FontMissing:
            return NO_FONT
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
