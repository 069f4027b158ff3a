"""Secrets of channels: sealed by AES-256-GCM under `keys/notices.key`, or a file of the folder `secrets/` by its name.

In:  a channel's id and the words. Out: text for the row, and back. A row of a copied database opens nowhere else, and
one channel's text does not open as another's (the id is authenticated). Files are named, never reached by a path: who
may make a channel must not get to read this machine's files by it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sensors.errors import LuytreError, Problem

FILE = "file:"
LIMIT_BYTES = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Vault:
    def __init__(self, root: Path) -> None:
        self._key, self._files = root / "keys" / "notices.key", root / "secrets"

    def seal(self, channel: int, text: str) -> str:
        if not text:
            return ""
        if text.startswith(FILE):
            if not _NAME.fullmatch(text[len(FILE) :]):
                raise ValueError("a name of a file in secrets/")
            return text
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self._open_key()).encrypt(nonce, text.encode(), f"channel:{channel}".encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, channel: int, sealed: str) -> str:
        if not sealed:
            return ""
        try:
            if sealed.startswith(FILE):
                return self._read(sealed[len(FILE) :])
            raw = base64.b64decode(sealed)
            return AESGCM(self._open_key()).decrypt(raw[:12], raw[12:], f"channel:{channel}".encode()).decode()
        except (OSError, ValueError, InvalidTag):
            raise LuytreError(_CLOSED) from None

    def _read(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        handle = os.open(self._files / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            return file.read(LIMIT_BYTES).decode().strip()

    def _open_key(self) -> bytes:
        try:
            return self._key.read_bytes()
        except FileNotFoundError:
            pass
        self._key.parent.mkdir(parents=True, exist_ok=True)
        made = self._key.with_suffix(f".{secrets.token_hex(4)}")
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(AESGCM.generate_key(256))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(made, self._key)  # of two at once the first stays
        made.unlink()
        return self._key.read_bytes()


_CLOSED = Problem("LT-M0101", "không mở được thông tin bí mật của kênh; nhập lại hoặc kiểm tra thư mục secrets/",
                  "the channel's secret cannot be opened; enter it again or check the folder secrets/")  # fmt: skip
