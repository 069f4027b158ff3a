"""The wire towards a node: Elasticsearch's `_bulk` protocol over pinned TLS.

In:  encoded events (JSON, no newline). Out: an `ItemStatus` per event, in order; or an exception that says what to do:
     `Busy` (429/503/connection loss: wait `retry_after_s`, then send the same again), `TooLarge` (413/400 over the
     whole body: send fewer at a time), `NotAllowed` (401/403, an untrusted peer: a person must act; nothing stored).
Bound: the body by the caller; the answer is read to ANSWER_LIMIT_BYTES and no further; connect and read have time-outs.
TLS:  >= 1.2, the only trusted root is the node's own CA, host names are verified, our certificate is the identity.
Never retried in here: the one who holds the durable position decides (urllib3's Retry is off, so are redirects).
Source: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk, RFC 9110 (Retry-After), RFC 8878.
"""

from __future__ import annotations

import gzip
import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import urllib3
import zstandard

from sensors.errors import Problem, Unavailable

CONNECT_TIMEOUT_S = 10.0
# A node under pressure answers after its next group commit; a thin link needs long for the body itself.
READ_TIMEOUT_S = 90.0
ANSWER_LIMIT_BYTES = 16 * 1024 * 1024
RETRY_AFTER_LIMIT_S = 3600.0
_ACTION = b'{"create":{}}\n'
_SLIM = "?filter_path=errors,items.*.status,items.*.error"

Coding = Literal["zstd", "gzip", "identity"]


class ItemStatus(NamedTuple):
    """status as Elasticsearch reports it: 201 stored now, 200/409 stored before, 429/503 again later, else refused."""

    status: int
    reason: str = ""

    @property
    def stored(self) -> bool:
        return self.status in (200, 201, 409)

    @property
    def again(self) -> bool:
        return self.status in (429, 503)


class Busy(Unavailable):
    def __init__(self, en: str, retry_after_s: float | None = None, vi: str = "") -> None:
        super().__init__(Problem("LT-W0101", vi or f"đầu nhận chưa nhận được: {en}", f"the peer cannot take it: {en}"))
        self.retry_after_s = retry_after_s


class TooLarge(Unavailable):
    def __init__(self, status: int, en: str) -> None:
        super().__init__(Problem("LT-W0102", f"gói gửi bị từ chối ({status}): {en}", f"body refused ({status}): {en}"))
        self.status = status


class NotAllowed(Unavailable):
    def __init__(self, status: int, en: str) -> None:
        super().__init__(
            Problem(
                "LT-W0103",
                f"đầu nhận không công nhận máy này ({status}): {en}",
                f"the peer does not accept this machine ({status}): {en}",
                hints=("luytre enrol join",),
            )
        )
        self.status = status


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None when it is not."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


def tls_context(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Trust exactly `ca` (None: nothing is verified, only for reading a CA whose fingerprint is checked next)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cafile=str(ca))
    if certificate:
        context.load_cert_chain(str(certificate), str(key or certificate))
    return context


class Wire:
    """One peer, one kept connection; every request is a single try with its limits."""

    def __init__(self, url: str, tls: ssl.SSLContext | None, *, timeout_s: float = READ_TIMEOUT_S,
                 headers: Mapping[str, str] | None = None) -> None:  # fmt: skip
        self.url = url.rstrip("/")
        self._headers = dict(headers or {}) | {"user-agent": "luytre", "accept": "application/json"}
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT_S, timeout_s), read=timeout_s),
            ssl_context=tls,
        )

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
            limit_bytes: int = ANSWER_LIMIT_BYTES) -> Answer:  # fmt: skip
        """One request. Raises Busy when the peer is not reached or cuts off, NotAllowed when TLS finds a stranger."""
        try:
            response = self._pool.request(
                method,
                self.url + path,
                body=body,
                headers=self._headers | dict(headers or {}),
                redirect=False,
                preload_content=False,
                decode_content=True,
            )
            try:
                data = response.read(limit_bytes + 1)  # counted inflated: a reply that swells is cut, not followed
                if len(data) > limit_bytes:
                    raise Busy("the answer is longer than its limit")
            except BaseException:
                response.close()  # a half-read connection must not be used again
                raise
            response.release_conn()
        except urllib3.exceptions.SSLError as error:
            raise NotAllowed(0, _tls_reason(error)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if "alert" in str(error).lower() and "ssl" in str(error).lower():
                # TLS 1.3 tells a refused client certificate only at the first read.
                raise NotAllowed(0, _tls_reason(error)) from None
            raise Busy(f"{type(error).__name__} at {self.url}") from None
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, data)

    def close(self) -> None:
        self._pool.clear()


class BulkClient:
    def __init__(self, url: str, tls: ssl.SSLContext | None, *, coding: Coding = "zstd", api_key: str = "",
                 timeout_s: float = READ_TIMEOUT_S) -> None:  # fmt: skip
        headers = {"authorization": f"ApiKey {api_key}"} if api_key else {}
        self.wire = Wire(url, tls, timeout_s=timeout_s, headers=headers)
        self._coding = coding
        self._zstd = zstandard.ZstdCompressor(level=3)
        self.sent_bytes = 0  # on the wire, headers not counted

    def encode(self, items: Sequence[bytes]) -> bytes:
        """The request body of `items`, compressed: what the byte budgets count."""
        body = b"".join(part for item in items for part in (_ACTION, item, b"\n"))
        if self._coding == "zstd":
            return self._zstd.compress(body)
        return gzip.compress(body, 5, mtime=0) if self._coding == "gzip" else body

    def send(self, items: Sequence[bytes]) -> list[ItemStatus]:
        return self.post(self.encode(items), len(items)) if items else []

    def post(self, body: bytes, count: int) -> list[ItemStatus]:
        """Send what `encode` made of `count` items."""
        headers = {"content-type": "application/x-ndjson", "accept-encoding": "gzip"}
        if self._coding != "identity":
            headers["content-encoding"] = self._coding
        answer = self.wire.ask("POST", "/_bulk" + _SLIM, body, headers)
        self.sent_bytes += len(body)
        if answer.status != 200:
            raise refusal(answer)
        return _statuses(answer.json(), count)

    def close(self) -> None:
        self.wire.close()


def refusal(answer: Answer) -> Unavailable:
    """What an answer other than 2xx asks of us."""
    reason = reason_of(answer)
    if answer.status in (401, 403):
        return NotAllowed(answer.status, reason)
    if answer.status in (400, 413):
        return TooLarge(answer.status, reason)
    return Busy(f"HTTP {answer.status} {reason}".strip(), retry_after(answer.headers))


def reason_of(answer: Answer) -> str:
    """The words of an error, from Elasticsearch's `error.reason` or RFC 9457's `detail`; at most 300 characters."""
    body = answer.json()
    if isinstance(body, dict):
        inner = body.get("error")
        text = inner.get("reason") if isinstance(inner, dict) else inner or body.get("detail") or body.get("title")
        return str(text or "")[:300]
    return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header; the date form is not used by our nodes and counts as absent."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*", headers.get("retry-after", ""))
    return min(float(found[1]), RETRY_AFTER_LIMIT_S) if found else None


def _statuses(body: Any, count: int) -> list[ItemStatus]:
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or len(items) != count:
        # An answer that does not speak of every item acknowledges none.
        raise Busy("the answer does not fit the request")
    found = []
    for item in items:
        inner = next(iter(item.values()), None) if isinstance(item, dict) else None
        status = inner.get("status") if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or not isinstance(status, int):
            raise Busy("the answer does not fit the request")
        error = inner.get("error")
        text = error.get("reason") if isinstance(error, dict) else error
        found.append(ItemStatus(status, str(text or "")[:300]))
    return found


def _tls_reason(error: Exception) -> str:
    found = re.search(r"(certificate verify failed[^(]*|alert [a-z ]+|[A-Z_]*ALERT[A-Z_]*|hostname[^)]*)", str(error))
    return found[1].strip(" :") if found else type(error).__name__
