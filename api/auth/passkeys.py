"""Passkeys (WebAuthn): a key in a person's device that signs for this site alone; proof against phishing.

In:  the site's name (`Site`, from public_url or the request's host), a challenge that we sealed for this browser, and
     what `navigator.credentials` answered. Out: a stored credential; or whose credential signed.
Every credential is discoverable and user-verified (PIN, finger, face): it is two factors by itself, and the log-in page
needs no user name. No attestation is asked for: who made the device is not our question.
Bound: PER_USER credentials; an answer of ANSWER_LIMIT characters; a challenge lives CHALLENGE_S and is answered once.
Source: https://www.w3.org/TR/webauthn-3/ (7.1, 7.2); ASVS 5.0 6.5.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.state.people import Passkey, UsedOnce, User

PER_USER = 10
CHALLENGE_S = 5 * 60.0
ANSWER_LIMIT = 16 * 1024
NAME = "Lũy Tre"


@dataclass(frozen=True, slots=True)
class Site:
    """The name that passkeys are bound to, and the page they may come from."""

    id: str
    origin: str


def site(public_url: str, scheme: str, host: str) -> Site | None:
    """None where a browser has no passkeys for this address: a bare IP address, or plain HTTP elsewhere than here."""
    origin = public_url.rstrip("/").lower() or f"{scheme}://{host.lower()}"
    parts = urlsplit(origin)
    name = parts.hostname or ""
    try:
        ipaddress.ip_address(name)
        return None
    except ValueError:
        pass
    if not name or (parts.scheme != "https" and name != "localhost"):
        return None
    return Site(name, origin)


def new_challenge() -> str:
    return secrets.token_urlsafe(32)


def registration(here: Site, challenge: str, user: User, known: Sequence[Passkey]) -> dict[str, Any]:
    """Options for `navigator.credentials.create`, as JSON."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers import structs as w

    made = webauthn.generate_registration_options(
        rp_id=here.id,
        rp_name=NAME,
        user_id=handle(user.id),
        user_name=user.username,
        user_display_name=user.name or user.username,
        challenge=base64url_to_bytes(challenge),
        timeout=int(CHALLENGE_S * 1000),
        attestation=w.AttestationConveyancePreference.NONE,
        authenticator_selection=w.AuthenticatorSelectionCriteria(
            resident_key=w.ResidentKeyRequirement.REQUIRED, user_verification=w.UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[w.PublicKeyCredentialDescriptor(base64url_to_bytes(k.credential_id)) for k in known],
    )
    found: dict[str, Any] = json.loads(webauthn.options_to_json(made))
    return found


def register(
    session: Session, here: Site, challenge: str, user: User, answer: dict[str, Any], name: str, now: float
) -> Passkey | None:
    """The new credential; None when the answer is not what was asked for."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    if len(json.dumps(answer)) > ANSWER_LIMIT or not once(session, challenge, now):
        return None
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=here.id,
            expected_origin=here.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError):
        return None
    credential = bytes_to_base64url(verified.credential_id)
    if len(credential) > 1400 or session.scalar(select(Passkey.id).where(Passkey.credential_id == credential)):
        return None
    transports = answer.get("response", {}).get("transports", [])
    made = Passkey(
        user_id=user.id,
        credential_id=credential,
        public_key=bytes_to_base64url(verified.credential_public_key),
        sign_count=verified.sign_count,
        transports=[str(one)[:16] for one in transports[:8]] if isinstance(transports, list) else [],
        name=name,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def request(here: Site, challenge: str, allowed: Sequence[Passkey] = ()) -> dict[str, Any]:
    """Options for `navigator.credentials.get`; without `allowed` the device offers what it has for this site."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers import structs as w

    made = webauthn.generate_authentication_options(
        rp_id=here.id,
        challenge=base64url_to_bytes(challenge),
        timeout=int(CHALLENGE_S * 1000),
        allow_credentials=[w.PublicKeyCredentialDescriptor(base64url_to_bytes(k.credential_id)) for k in allowed],
        user_verification=w.UserVerificationRequirement.REQUIRED,
    )
    found: dict[str, Any] = json.loads(webauthn.options_to_json(made))
    return found


def signed_by(session: Session, here: Site, challenge: str, answer: dict[str, Any], now: float) -> User | None:
    """The enabled user whose credential signed this challenge; the challenge is spent, right or wrong."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    if len(json.dumps(answer)) > ANSWER_LIMIT or not once(session, challenge, now):
        return None
    key = session.scalar(select(Passkey).where(Passkey.credential_id == str(answer.get("id", ""))[:1400]))
    if key is None:
        return None
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=here.id,
            expected_origin=here.origin,
            credential_public_key=base64url_to_bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError):
        return None
    user = session.get(User, key.user_id)
    if user is None or user.disabled:
        return None
    key.sign_count, key.used_at = verified.new_sign_count, now
    return user


def of(session: Session, user_id: int) -> Sequence[Passkey]:
    return session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)).all()


def handle(user_id: int) -> bytes:
    """What the device keeps instead of a name (WebAuthn: no personal information in it)."""
    return hashlib.sha256(f"luytre:user:{user_id}".encode()).digest()


def once(session: Session, challenge: str, now: float) -> bool:
    """Whether this is the challenge's first answer."""
    key = hashlib.sha256(challenge.encode()).hexdigest()
    if session.get(UsedOnce, key) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(UsedOnce(key=key, ends_at=now + CHALLENGE_S))
        return True
    except IntegrityError:
        return False
