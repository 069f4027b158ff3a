"""What every answer of the people's port carries and every request passes before any route is looked for.

Out: security headers (a strict CSP without inline script; nothing may frame us; nothing is sniffed); a body limit;
     and for every write the check that it comes from our own pages (Origin, else Sec-Fetch-Site). The CSRF token is
     checked where the session is known (api/auth/allow.py); this check also covers the log-in, which has none yet.
Sources: OWASP ASVS 5.0 3.4, 3.5; https://www.w3.org/TR/CSP3/; https://www.w3.org/TR/fetch-metadata/.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, answer

BODY_LIMIT = 1024 * 1024
FILE_LIMIT = 4 * 1024 * 1024
# What takes a whole table (api/inventory) or list (api/indicators).
FILES = frozenset(
    ("/api/v1/systems/import", "/api/v1/assets/import", "/api/v1/indicators/preview", "/api/v1/indicators/import")
)
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=()",
}
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Guard:
    """Pure ASGI, so that streams are not buffered."""

    def __init__(self, app: ASGIApp, *, tls: bool, public_url: str = "") -> None:
        self._app, self._public = app, public_url.rstrip("/").lower()
        self._scheme = "https" if tls else "http"
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        private = scope["path"].startswith("/api/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if private:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and not self._own(headers):
            await answer(Request(scope), Problem("LT-A0406"))(scope, receive, with_headers)
            return
        if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
            # No name, id or word of ours has one; PostgreSQL could not even be asked for it.
            await answer(Request(scope), Problem("LT-A0400"))(scope, receive, with_headers)
            return
        limit = FILE_LIMIT if scope["path"] in FILES else BODY_LIMIT
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            await answer(Request(scope), Problem("LT-A0413"))(scope, receive, with_headers)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:  # chunked, without a length
                raise HTTPException(413)
            return message

        await self._app(scope, bounded, with_headers)

    def _own(self, headers: Headers) -> bool:
        """Whether a write comes from our own pages, or from a program that is no browser (it sends neither header)."""
        origin = headers.get("origin")
        if origin is not None:
            host = headers.get("host", "").lower()
            return origin.lower() in (f"{self._scheme}://{host}", self._public) and origin != "null"
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
