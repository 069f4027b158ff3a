"""The way to a node above, step by step, until the first step that fails: name → TCP → TLS → CA → who we are.

In:  a machine port's URL, the pinned CA, our certificate and key. Out: findings that name the failing step alone: what
follows from it is not another fault. Only this URL is asked. Bound: TIMEOUT_S a step, ANSWER_BYTES.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from api.node.checks import Finding, Fix, bad, do, ok, run, skipped
from api.node.checks._machine import Machine, size
from sensors.wire import tls_context

TIMEOUT_S = 5.0
ANSWER_BYTES = 16 * 1024
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which ssl does not name


@dataclass(frozen=True, slots=True)
class Link:
    key: str  # of the configuration: where the address stands
    url: str
    ca: Path
    certificate: Path
    private: Path
    join: str  # the command that enrols anew


def of(machine: Machine) -> list[Link]:
    """Towards the node that takes our events, and towards the centre above."""
    from api.federation.config import FederationTable
    from sensors.ship.table import ShipTable

    found = []
    if machine.is_sensor or machine.raw_table("ship"):
        table = machine.table("ship", ShipTable)
        keys = Path(table.keys) if table.keys else machine.keys
        found.append(Link("ship.url", table.url, keys / "ca.pem", keys / "sensor.pem", keys / "sensor.key", "join"))
    upstream = machine.table("federation", FederationTable).upstream
    if upstream:
        keys = machine.keys
        found.append(Link("federation.upstream", upstream, keys / "upstream-ca.pem", keys / "node.pem",
                          keys / "node.key", "upstream"))  # fmt: skip
    return found


def walk(machine: Machine, link: Link) -> Iterator[Finding]:
    try:
        parts = urlsplit(link.url)
        host, port = parts.hostname or "", parts.port or 443
        if parts.scheme != "https" or not host:
            raise ValueError
    except ValueError:
        yield bad("url", f"[{link.key}] không phải https://máy:cổng", f"[{link.key}] is not https://host:port",
                  do(f"Sửa `{link.key}` trong {machine.path}", f"Mend `{link.key}` in {machine.path}"),
                  run(machine.luytre("config check")))  # fmt: skip
        return
    spot = f"{host}:{port}"
    again = Fix(f"Xin mã mới ở nút trên (luytre enrol token …), rồi: luytre enrol {link.join} {link.url} MÃ VÂN-TAY",
                f"Ask the node for a new token (luytre enrol token …), then: "
                f"luytre enrol {link.join} {link.url} TOKEN FINGERPRINT")  # fmt: skip
    missing = [path.name for path in (link.ca, link.certificate, link.private) if not path.exists()]
    if missing:
        yield bad("not-enrolled", f"máy này chưa ghi danh với {spot}: thiếu {', '.join(missing)}",
                  f"this machine is not enrolled with {spot}: {', '.join(missing)} missing", again,
                  missing=missing)  # fmt: skip
        return
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except (OSError, UnicodeError, IndexError) as error:
        yield bad("dns", f"không tìm được tên `{host}`: {error}", f"the name `{host}` is not found: {error}",
                  do(f"Sửa tên trong `{link.key}`, hoặc thêm vào DNS hay /etc/hosts",
                     f"Mend the name in `{link.key}`, or add it to DNS or /etc/hosts"),
                  run(f"getent hosts {host}"), host=host)  # fmt: skip
        return
    begun = time.monotonic()
    try:
        socket.create_connection((host, port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        yield bad("refused", f"{spot}: không có chương trình nào nghe ở cổng này", f"{spot}: nothing listens there",
                  do("Nút trên chưa chạy, hoặc cổng sai: xem [api] machines của nút",
                     "The node is down, or the port is wrong: see the node's [api] machines"),
                  run(f"ss -ltn | grep :{port}"), address=address)  # fmt: skip
        return
    except OSError as error:
        yield bad("unreachable", f"{spot} ({address}): {error}", f"{spot} ({address}): {error}",
                  do("Tường lửa hoặc đường truyền: cần mở TCP ra cổng này",
                     "A firewall or the line: TCP out to this port must be open"),
                  run(f"ip route get {address}"), address=address)  # fmt: skip
        return
    connect_ms = round((time.monotonic() - begun) * 1000, 1)
    try:
        context = tls_context(link.ca, link.certificate, link.private)
    except (OSError, ValueError) as error:
        yield bad("key", f"không dùng được khóa hoặc chứng thư của máy: {_said(error)}",
                  f"this machine's key or certificate cannot be used: {_said(error)}", again)  # fmt: skip
        return
    yield _ask(machine, link, context, (host, port), connect_ms, again)


def _ask(machine: Machine, link: Link, context: ssl.SSLContext, at: tuple[str, int], connect_ms: float,
         again: Fix) -> Finding:  # fmt: skip
    """`POST /renew` without a request: 400 says that we were recognised, 401 and 403 that we were not."""
    host, port = at
    spot = f"{host}:{port}"
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        connection.request("POST", "/renew", b"{}", {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(machine, link, error, spot, again)
    except ssl.SSLError as error:
        if "alert" in str(error).lower():
            return _refused(machine, link, f"TLS {_said(error)}", spot, again)
        return bad("not-tls", f"{spot} không nói TLS: có phải cổng khác?", f"{spot} does not speak TLS: another port?",
                   do(f"`{link.key}` phải là cổng máy ([api] machines) của nút, không phải cổng người dùng",
                      f"`{link.key}` must be the node's machine port ([api] machines), not the people's"))  # fmt: skip
    except (OSError, http.client.HTTPException) as error:
        return bad(
            "no-answer",
            f"{spot} không trả lời: {_said(error)}",
            f"{spot} does not answer: {_said(error)}",
            do("Thử lại; nếu vẫn vậy, xem nhật ký của nút", "Try again; if it stays, read the node's log"),
        )
    finally:
        connection.close()
    if answer.status in (401, 403):
        return _refused(machine, link, body.decode("utf-8", "replace")[:300], spot, again)
    if answer.status != 400:
        return bad("not-a-node", f"{spot} trả lời HTTP {answer.status}: không phải cổng máy của một nút",
                   f"{spot} answers HTTP {answer.status}: not the machine port of a node",
                   do(f"Sửa `{link.key}`", f"Mend `{link.key}`"), status=answer.status)  # fmt: skip
    return ok(f"{spot} nhận ra máy này, kết nối {connect_ms} ms", f"{spot} knows this machine, connected in "
              f"{connect_ms} ms", connect_ms=connect_ms)  # fmt: skip


def _untrusted(machine: Machine, link: Link, error: ssl.SSLCertVerificationError, spot: str, again: Fix) -> Finding:
    why = error.verify_message
    if error.verify_code in (9, 10):  # not yet valid, expired
        return bad("server-certificate-time", f"chứng thư của {spot} ngoài thời hạn theo giờ máy này ({why})",
                   f"the certificate of {spot} is out of its time by this machine's clock ({why})",
                   do("Kiểm tra giờ của cả hai máy trước (LT-D0101); nút tự gia hạn chứng thư khi chạy",
                      "Check both clocks first (LT-D0101); a running node renews its certificate"),
                   run("date -u"))  # fmt: skip
    if error.verify_code in (62, 64):  # host name, address mismatch
        return bad("name-mismatch", f"chứng thư của {spot} không mang tên này", f"the certificate of {spot} is for "
                   "other names",
                   do("Dùng tên có trong chứng thư, hoặc ở nút: thêm tên vào [api] machine_names rồi khởi động lại",
                      "Use a name that the certificate has, or add this one to the node's [api] machine_names and "
                      "restart it"))  # fmt: skip
    return bad("fingerprint", f"{spot} không phải nút đã ghi danh: CA khác với {link.ca.name} ({why})",
               f"{spot} is not the node that enrolled us: its CA is not {link.ca.name} ({why})",
               do("So vân tay do quản trị viên của nút đọc cho với: luytre enrol token …; nếu nút được cài lại thì ghi "
                  "danh lại", "Compare fingerprints with the node's administrator; if the node was made anew, enrol "
                  "again"), again, size=size(link.ca.stat().st_size))  # fmt: skip


def _refused(machine: Machine, link: Link, why: str, spot: str, again: Fix) -> Finding:
    cause = "revoked" if "revoked" in why else "stranger"
    ends = certificate_end(link.certificate)
    if ends is not None and ends <= machine.clock.now():
        cause = "own-certificate-expired"
    words = {
        "revoked": (f"{spot} đã thu hồi chứng thư của máy này", f"{spot} has revoked this machine's certificate"),
        "stranger": (f"{spot} không nhận ra máy này", f"{spot} does not know this machine"),
        "own-certificate-expired": ("chứng thư của máy này đã hết hạn", "this machine's certificate has expired"),
    }[cause]
    return bad(cause, *words, again, reason=why[:200])


def certificate_end(path: Path) -> float | None:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None


def peer_clock(machine: Machine, link: Link) -> tuple[float, float] | None:
    """(its clock minus ours, how exactly that is known), by the Date header of the pinned peer; None: no answer.

    The chain is verified, its times are not: a clock that is a year off is what is to be found here."""
    try:
        parts = urlsplit(link.url)
        context = tls_context(link.ca)
        context.verify_flags |= NO_CHECK_TIME
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=TIMEOUT_S,
                                                 context=context)  # fmt: skip
        before = machine.clock.now()
        begun = time.monotonic()
        connection.request("GET", "/_healthz", headers={"Connection": "close"})
        answer = connection.getresponse()
        took = time.monotonic() - begun
        date = answer.getheader("Date")
        answer.read(ANSWER_BYTES)
        connection.close()
        if date is None:
            return None
        # The header has whole seconds: the moment lies between it and a second later.
        return parsedate_to_datetime(date).timestamp() + 0.5 - (before + took / 2), 0.5 + took / 2
    except (OSError, ValueError, TypeError, http.client.HTTPException):
        return None


def _said(error: Exception) -> str:
    return (getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__)[:200]


__all__ = ["Link", "certificate_end", "of", "peer_clock", "skipped", "walk"]
