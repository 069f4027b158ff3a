"""The second factor that a person types: a code of their authenticator app, or one of ten recovery codes.

In:  a user and what was typed. Out: whether it is right, now and for the first time.
TOTP (RFC 6238: SHA-1, 6 digits, 30 s, as every app does it): the step before and after count too, for clocks that are
off; a step counts once (`last_step` only rises, by one conditional UPDATE), so a code read over a shoulder is spent.
Recovery codes have 80 random bits and are stored as SHA-256; using one removes it.
Bound: guesses are counted in `tries` by whoever calls (5 a window: 10^6 codes, 3 valid at a time).
"""

from __future__ import annotations

import base64
import secrets
from typing import Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from api.auth.seal import Seal
from api.auth.sessions import hash_of
from api.state.people import Passkey, RecoveryCode, Totp, User

Factor = Literal["passkey", "totp", "recovery"]
STEP_S, DRIFT_STEPS = 30, 1
CODES = 10
_PURPOSE = "totp"
QR_SCALE, QR_BORDER = 5, 4  # 4 modules of quiet zone: ISO/IEC 18004


def begin(session: Session, seal: Seal, user: User, now: float) -> str:
    """A new secret, which becomes the factor with its first right code. One in use is removed by its owner first."""
    import pyotp

    secret = str(pyotp.random_base32())
    session.execute(delete(Totp).where(Totp.user_id == user.id, Totp.confirmed_at.is_(None)))
    session.add(Totp(user_id=user.id, secret=seal.hide(_PURPOSE, secret), created_at=now, last_step=0))
    session.flush()
    return secret


def uri(secret: str, username: str, issuer: str) -> str:
    """What the QR code says (https://github.com/google/google-authenticator/wiki/Key-Uri-Format)."""
    import pyotp

    return str(pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer))


def qr(text: str) -> str:
    """The QR code of a text as an SVG without script or style: black on white in either colour scheme."""
    import segno

    made = segno.make(text, error="m", micro=False)
    return str(made.svg_inline(scale=QR_SCALE, border=QR_BORDER, dark="#000", light="#fff", omitsize=True))


def confirm(session: Session, seal: Seal, user: User, code: str, now: float) -> bool:
    row = session.get(Totp, user.id)
    if row is None or row.confirmed_at is not None or not _fits(session, seal, row, code, now):
        return False
    row.confirmed_at = now
    session.flush()
    return True


def shown(session: Session, seal: Seal, user: User, typed: str, now: float) -> Factor | None:
    """Which factor `typed` is: "totp", "recovery", or None. A right one is spent."""
    text = "".join(typed.split()).replace("-", "")
    row = session.get(Totp, user.id)
    if row is not None and row.confirmed_at is not None and _fits(session, seal, row, text, now):
        return "totp"
    if len(text) == 16:
        key = hash_of(text.upper())
        gone = session.execute(
            delete(RecoveryCode).where(RecoveryCode.code_hash == key, RecoveryCode.user_id == user.id)
        )
        if getattr(gone, "rowcount", 0):
            return "recovery"
    return None


def new_codes(session: Session, user: User, now: float) -> list[str]:
    """Ten new recovery codes; those before are void. Shown once: only their hashes stay."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(CODES)]
    session.add_all(RecoveryCode(code_hash=hash_of(code), user_id=user.id, created_at=now) for code in codes)
    session.flush()
    return ["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in codes]


def codes_left(session: Session, user_id: int) -> int:
    return session.scalar(select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)) or 0


def of(session: Session, user_id: int) -> list[Factor]:
    """The factors that a person can be asked for, the strongest first."""
    found: list[Factor] = []
    if session.scalar(select(Passkey.id).where(Passkey.user_id == user_id).limit(1)) is not None:
        found.append("passkey")
    if session.scalar(select(Totp.user_id).where(Totp.user_id == user_id, Totp.confirmed_at.is_not(None))) is not None:
        found.append("totp")
    if found and codes_left(session, user_id):
        found.append("recovery")
    return found


def remove_totp(session: Session, user_id: int) -> bool:
    gone = session.execute(delete(Totp).where(Totp.user_id == user_id))
    return bool(getattr(gone, "rowcount", 0))


def _fits(session: Session, seal: Seal, row: Totp, code: str, now: float) -> bool:
    import pyotp

    secret = seal.reveal(_PURPOSE, row.secret)
    if secret is None or len(code) != 6 or not (code.isascii() and code.isdigit()):
        return False
    totp, here = pyotp.TOTP(secret), int(now // STEP_S)
    for step in range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1):
        if step > row.last_step and secrets.compare_digest(totp.generate_otp(step), code):
            taken = session.execute(
                update(Totp)
                .where(Totp.user_id == row.user_id, Totp.last_step < step)
                .values(last_step=step, used_at=now)
                .execution_options(synchronize_session="fetch")
            )
            return bool(getattr(taken, "rowcount", 0))
    return False
