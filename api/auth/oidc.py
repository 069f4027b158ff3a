"""Logging in through an OpenID provider: authorization code with PKCE, checked to the letter, and nothing more of it.

In:  [[api.oidc]] (api/config.py). Out: where to send the browser; then, from what comes back, a `Known` person:
     provider, subject, names, and the grants that the provider's claim maps to. Who maps to none is not let in.
Checked: state and nonce (sealed in this browser's cookie, 10 minutes), PKCE S256, `iss` of the answer when it is there
(RFC 9207), the ID token's signature by a key of the provider's JWKS (asymmetric algorithms only), iss, aud, azp, exp,
iat, nonce, sub. JWKS and metadata are kept for CACHE_S and read anew for an unknown `kid`, at most once a REFRESH_S.
Network: the issuer's host and the end points of its own metadata, by urllib3 without redirects, ANSWER_LIMIT bytes,
TIMEOUT_S; the address is checked where the connection is made (after DNS), and must be public unless `private` says
otherwise (api/outward.py; link-local, where clouds keep their metadata, never). HTTP without TLS only to a loopback
address of a `private` provider. The client secret comes from a file.
Logging out is ours alone; no token of the provider is kept.
Sources: OpenID Connect Core 1.0 (3.1.2, 3.1.3.7), RFC 7636, RFC 9207, RFC 9700 (OAuth 2.0 security).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from api.config import OidcTable
from api.outward import Forbidden, Guard
from api.permissions import BOUNDED_ROLES, ROLES, Granted

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
FLOW_S = 600.0
CACHE_S, REFRESH_S = 3600.0, 60.0
ANSWER_LIMIT = 256 * 1024
TIMEOUT_S = 10.0
LEEWAY_S = 60


class Refused(Exception):
    """The log-in is not accepted; the text is for our log, never for the browser."""


@dataclass(frozen=True, slots=True)
class Known:
    provider: str
    subject: str
    username: str
    name: str
    grants: tuple[Granted, ...]
    strong: bool


class Provider:
    """One provider; safe to use from several threads."""

    def __init__(self, table: OidcTable, clock: Callable[[], float] = time.time) -> None:
        self.table, self._clock = table, clock
        self._lock = threading.Lock()
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, Any] | None = None

    def begin(self, back: str) -> tuple[str, dict[str, str]]:
        """(where to send the browser, what to seal in its cookie)."""
        verifier = secrets.token_urlsafe(48)
        flow = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24), "verifier": verifier}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self.table.client_id, "redirect_uri": back,
            "scope": " ".join(dict.fromkeys(("openid", *self.table.scopes))), "state": flow["state"],
            "nonce": flow["nonce"], "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        where = str(self.metadata()["authorization_endpoint"])
        return where + ("&" if "?" in where else "?") + urlencode(query), flow

    def finish(self, flow: Mapping[str, Any], answer: Mapping[str, str], back: str) -> Known:
        """Who came back. Raises Refused."""
        if not secrets.compare_digest(str(answer.get("state", "")).encode(), str(flow["state"]).encode()):
            raise Refused("state")
        if "error" in answer or not answer.get("code"):
            raise Refused(f"the provider says {answer.get('error', 'nothing')[:64]}")
        metadata = self.metadata()
        if answer.get("iss", self.table.issuer) != self.table.issuer:
            raise Refused("iss of the answer")
        form = {
            "grant_type": "authorization_code", "code": answer["code"], "redirect_uri": back,
            "client_id": self.table.client_id, "code_verifier": str(flow["verifier"]),
        }  # fmt: skip
        headers = {}
        if self.table.client_secret_file:
            headers["Authorization"] = f"Basic {self._basic()}"
        token = self._ask("POST", str(metadata["token_endpoint"]), form, headers).get("id_token")
        if not isinstance(token, str):
            raise Refused("no id_token")
        return self._person(self._claims(token, str(flow["nonce"])))

    def metadata(self) -> dict[str, Any]:
        with self._lock:
            now = self._clock()
            if self._metadata and now - self._metadata[0] < CACHE_S:
                return self._metadata[1]
            found = self._ask("GET", self.table.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.table.issuer:
                raise Refused("issuer of the metadata")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not isinstance(found.get(name), str):
                    raise Refused(f"no {name}")
            _secure(str(found["authorization_endpoint"]), self.table)
            self._metadata = (now, found)
            return found

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            keys = self._jwks()
            try:
                decoded = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):  # a key that was rotated in: read them anew, not more often than REFRESH_S
                decoded = jwt.decode(token, self._jwks(anew=True), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"signature: {type(error).__name__}") from None
        claims, now = dict(decoded.claims), self._clock()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
        wrong = [
            name
            for name, right in (
                ("iss", claims.get("iss") == self.table.issuer),
                ("aud", self.table.client_id in audiences),
                ("azp", claims.get("azp", self.table.client_id) == self.table.client_id
                 and (len(audiences) == 1 or "azp" in claims)),
                ("exp", expires > now - LEEWAY_S),
                ("iat", now - FLOW_S - LEEWAY_S < issued < now + LEEWAY_S),
                ("nonce", secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())),
                ("sub", isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 255),
            )
            if not right
        ]  # fmt: skip
        if wrong:
            raise Refused("claims: " + ", ".join(wrong))
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Known:
        grants = mapped(self.table, claims)
        if not grants:
            raise Refused("no role is mapped")
        username = claims.get(self.table.username_claim)
        return Known(
            provider=self.table.id,
            subject=str(claims["sub"]),
            username=username if isinstance(username, str) and username else str(claims["sub"]),
            name=str(claims.get("name") or username or claims["sub"])[:256],
            grants=grants,
            strong=self.table.second_factor,
        )

    def _jwks(self, *, anew: bool = False) -> Any:
        from joserfc.jwk import KeySet

        uri = str(self.metadata()["jwks_uri"])
        with self._lock:
            now = self._clock()
            age = now - self._keys[0] if self._keys else CACHE_S
            if self._keys and (age < REFRESH_S or (age < CACHE_S and not anew)):
                return self._keys[1]
            said = self._ask("GET", uri)
            keys = [key for key in said.get("keys", []) if isinstance(key, dict) and key.get("use", "sig") == "sig"]
            keys = [key for key in keys if key.get("kty") in ("RSA", "EC", "OKP")]  # never a shared secret as a key
            self._keys = (now, KeySet.import_key_set({"keys": keys}))
            return self._keys[1]

    def _basic(self) -> str:
        from urllib.parse import quote

        secret = Path(self.table.client_secret_file).read_text("utf-8").strip()
        return base64.b64encode(f"{quote(self.table.client_id, '')}:{quote(secret, '')}".encode()).decode()

    def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """A JSON object. The address is looked up once, checked, and is the one that is connected to."""
        import urllib3

        parts = _secure(url, self.table)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        address = _resolved(host, port, private=self.table.private)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        common: dict[str, Any] = {"timeout": urllib3.Timeout(TIMEOUT_S), "retries": False, "maxsize": 1}
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                address, port, server_hostname=host, assert_hostname=host, cert_reqs="CERT_REQUIRED",
                ca_certs=self.table.ca_file or _system_ca(), **common,
            )  # fmt: skip
        else:
            pool = urllib3.HTTPConnectionPool(address, port, **common)
        sent = {"Host": parts.netloc.rpartition("@")[2], "Accept": "application/json", **(headers or {})}
        body = None
        if form is not None:
            sent["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(form)
        try:
            with pool:
                reply = pool.request(
                    method,
                    target,
                    body=body,
                    headers=sent,
                    redirect=False,
                    preload_content=False,
                    assert_same_host=False,
                )
                text = reply.read(ANSWER_LIMIT + 1)
                reply.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Refused(f"{host}: {type(error).__name__}") from None
        if reply.status != 200 or len(text) > ANSWER_LIMIT:
            raise Refused(f"{host}: HTTP {reply.status}, {len(text)} bytes")
        try:
            said = json.loads(text)
        except ValueError:
            raise Refused(f"{host}: not JSON") from None
        if not isinstance(said, dict):
            raise Refused(f"{host}: not an object")
        return said


def mapped(table: OidcTable, claims: Mapping[str, Any]) -> tuple[Granted, ...]:
    """The grants that the provider's claim stands for. A role that needs an end cannot be mapped: nobody set one."""
    here: Any = claims
    for part in table.claim.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    values = {str(one) for one in here} if isinstance(here, list) else {here} if isinstance(here, str) else set()
    return tuple(
        Granted(role.role, role.agency or None)
        for role in table.roles
        if role.value in values and role.role in ROLES and role.role not in BOUNDED_ROLES
    )


def _number(value: Any) -> float:
    """A time of the token; what is none lies at the beginning of time, where no check accepts it."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _secure(url: str, table: OidcTable) -> Any:
    parts = urlsplit(url)
    plain_here = parts.scheme == "http" and table.private and _is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or plain_here) or not parts.hostname or parts.username is not None:
        raise Refused(f"not a safe address: {parts.scheme}://{parts.hostname}")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _resolved(host: str, port: int, *, private: bool) -> str:
    try:
        return Guard((host,) if private else ()).addresses(host, port)[0]
    except Forbidden as error:
        raise Refused(f"{host}: {error}") from None
    except OSError as error:
        raise Refused(f"{host}: {type(error).__name__}") from None


def _system_ca() -> str | None:
    import ssl

    return ssl.get_default_verify_paths().cafile
