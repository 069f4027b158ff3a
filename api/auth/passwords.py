"""Passwords: argon2id by pwdlib, a length rule, and a bound on how many hashes run at once.

In:  a password as typed (NFC-normalised here). Out: its hash, or whether it fits one.
Bound: RUNNING hashes at a time (19 MiB and one core each), WAITING more may queue; beyond that `Busy`, which is a 429.
     An unknown user costs the same hash, so time tells nothing.
Sources: OWASP Password Storage (argon2id m=19 MiB, t=2, p=1); NIST SP 800-63B-4 3.1.1.2 (≥ 15 characters when the
password stands alone, long ones accepted, no composition rules, a block-list, context words refused): guessable.py,
refused_list.py.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.auth import refused_list
from api.auth.guessable import guessable

MIN_LENGTH, MAX_LENGTH = 15, 256
RUNNING, WAITING = 2, 4

_hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_running = threading.BoundedSemaphore(RUNNING)
_admitted = threading.BoundedSemaphore(RUNNING + WAITING)
# A hash of nothing that anybody knows, to spend the same time on an unknown user.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$DNhXfLTsHhKS0fdjDywvkQ$24K4HSBYzKIlD516eODUHV2/nDFgVlFvw5I2eKTcEPo"


class Busy(Exception):
    """Too many hashes are running."""


@contextmanager
def admission() -> Iterator[None]:
    """A place among those who may hash; taken before anything is counted, so a refusal costs nobody a try."""
    if not _admitted.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        _admitted.release()


def hash_password(password: str) -> str:
    with _running:
        return _hasher.hash(_normal(password))


def fits(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; None (no such user, or no password) takes as long and is False."""
    if len(password) > MAX_LENGTH:
        return False  # the length of what was typed is no secret to who typed it
    with _running:
        try:
            found = _hasher.verify(_normal(password), stored or _NOBODY)
        except Exception:  # a damaged stored hash is a wrong password, not a way in or a crash
            return False
    return found and stored is not None


def weakness(password: str, *context: str, refused: str = "") -> tuple[str, str] | None:
    """Why this password is refused, in (vi, en), or None. `context`: user name, name, agency, node's name. `refused`:
    the operator's list of breached ones; one that cannot be read lets no password through unlooked-at."""
    text = _normal(password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return (
            f"Mật khẩu cần từ {MIN_LENGTH} đến {MAX_LENGTH} ký tự.",
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.",
        )
    if guessable(text, context):
        return ("Mật khẩu quá dễ đoán.", "The password is too easy to guess.")
    try:
        if refused and refused_list.listed(Path(refused), text):
            return ("Mật khẩu này đã bị lộ ở nơi khác.", "This password is known from a breach elsewhere.")
    except refused_list.Unusable:
        return (
            "Chưa kiểm tra được mật khẩu: nút không đọc được danh sách mật khẩu bị từ chối; báo quản trị viên.",
            "The password could not be checked: the node cannot read its list of refused ones; tell an administrator.",
        )
    return None


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
