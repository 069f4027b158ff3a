"""The built dashboard, served as files: hashed assets for ever, index.html for every other address.

Only files that were found in the folder can be served: a path is looked up, never joined, so no `..` leads out.
Text is sent gzipped when the browser takes it; packed once, kept (the whole dashboard is about a megabyte).
"""

from __future__ import annotations

import gzip
import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

FILES = 2_000
_PACKED = {".js", ".css", ".html", ".svg", ".json", ".map", ".txt", ".webmanifest"}
_FOREVER = "public, max-age=31536000, immutable"
_MISSING = """Bảng điều khiển chưa được dựng: chạy `./soc up`, hoặc `npm ci && npm run build` trong dashboards/.
The dashboard has not been built: run `./soc up`, or `npm ci && npm run build` in dashboards/.
"""


class Dashboard:
    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._built = -1
        self._files: dict[str, Path] = {}
        self._packed: dict[str, bytes] = {}

    def answer(self, request: Request) -> Response:
        if self._folder is None:
            return PlainTextResponse(_MISSING, 503)
        self._look()
        name = request.url.path.lstrip("/")
        if name not in self._files:
            if name.startswith("assets/"):  # an old tab asks for what a new build no longer has
                return PlainTextResponse("", 404)
            name = "index.html"
        path = self._files.get(name)
        if path is None:
            return PlainTextResponse(_MISSING, 503)
        headers = {"Cache-Control": _FOREVER if name.startswith("assets/") else "no-cache"}
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if path.suffix in _PACKED:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("accept-encoding", ""):
                packed = self._packed.get(name)
                if packed is None:
                    packed = self._packed[name] = gzip.compress(path.read_bytes(), 6)
                return Response(packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=kind)
        return FileResponse(path, headers=headers, media_type=kind)

    def _look(self) -> None:
        """Read the folder again when it was built anew."""
        assert self._folder is not None
        try:
            built = (self._folder / "index.html").stat().st_mtime_ns
        except OSError:
            built = 0
        if built == self._built:
            return
        found = [path for path in self._folder.rglob("*") if path.is_file() and not path.is_symlink()][:FILES]
        self._files = {path.relative_to(self._folder).as_posix(): path for path in found}
        self._packed, self._built = {}, built
