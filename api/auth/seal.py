"""The key that seals what people's browsers carry for us, and what must be read again from the database.

In:  `keys/people.key` of the node (made at first use, 0600, 32 random bytes). Out: `Seal`:
     `seal/open_` an object for a purpose until a time (authenticated and encrypted: Fernet over a key per purpose);
     `mark` a keyed hash prefix, by which two things can be seen to be the same without saying what they are.
Nothing is stored for what is sealed: a stranger who begins a thousand log-ins costs no row.
Source: https://github.com/fernet/spec.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from sensors.ship.keys import write_private

LIMIT = 3_000  # characters of a sealed text: it travels in a cookie


class Seal:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, purpose: str, said: dict[str, Any], ends_at: float) -> str:
        text = json.dumps({**said, "ends_at": ends_at}, separators=(",", ":"))
        return self._box(purpose).encrypt(text.encode()).decode()

    def open_(self, purpose: str, sealed: str | None, now: float) -> dict[str, Any] | None:
        """What was sealed for this purpose, unless it has ended, was changed, or was never ours."""
        if not sealed or len(sealed) > LIMIT or not sealed.isascii():
            return None
        try:
            said: dict[str, Any] = json.loads(self._box(purpose).decrypt(sealed.encode()))
        except (InvalidToken, ValueError):
            return None
        return said if float(said["ends_at"]) > now else None

    def hide(self, purpose: str, text: str) -> str:
        return self._box(purpose).encrypt(text.encode()).decode()

    def reveal(self, purpose: str, hidden: str) -> str | None:
        try:
            return self._box(purpose).decrypt(hidden.encode()).decode()
        except (InvalidToken, ValueError):
            return None

    def mark(self, purpose: str, text: str) -> str:
        return hmac.digest(self._for(f"mark:{purpose}"), text.encode("utf-8", "replace"), "sha256").hex()[:12]

    def _for(self, purpose: str) -> bytes:
        return hashlib.blake2b(purpose.encode(), key=self._key, digest_size=32).digest()

    def _box(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._for(purpose)))


@lru_cache(maxsize=32)
def seal_of(data: Path) -> Seal:
    """The seal of the node with this data folder."""
    path = data / "keys" / "people.key"
    try:
        return Seal(path.read_bytes())
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, secrets.token_bytes(32))
        return Seal(path.read_bytes())
