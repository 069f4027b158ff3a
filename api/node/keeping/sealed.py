"""A sealed file: messages that only the holder of the key can read, and that nobody can change, cut or reorder.

        line of JSON (how it is locked) │ chunk │ chunk │ …       chunk = length (u32, big-endian) │ ciphertext
        plaintext of a chunk = kind (1 byte) │ payload;  nonce = number of the chunk (11 bytes) │ last? (1 byte)

In:  a lock: a passphrase, or the public key of whoever may read. Out: bytes to a file, and back as (kind, payload).
Cipher: ChaCha20-Poly1305 under a key of this file alone, HKDF-SHA256(secret, salt, the first line): so that line
        cannot be changed either. The secret is scrypt of the passphrase (2^15, 8, 1: 32 MiB, fixed here, never read
        from the file), or X25519 of a throw-away key with the reader's: this machine can write what it cannot read.
Bound:  a chunk of CHUNK_BYTES; the first line LINE_BYTES. A file without its last chunk is damaged, not short.
Source: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as age and Tink use it; RFC 5869, 7748, 7914, 8439.
"""

from __future__ import annotations

import json
import os
import struct
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sensors.errors import ConfigError, Damaged, LuytreError, Place, Problem

CHUNK_BYTES = 256 * 1024
LINE_BYTES = 1024
KEY_FILE_BYTES = 4096
PASSPHRASE_CHARS = 12
PUBLIC, SECRET = "luytre-public-1 ", "luytre-secret-1 "  # how a key begins in its file
_LENGTH = struct.Struct(">I")
_TAG_BYTES = 16
_RAW = serialization.Encoding.Raw


class WrongKey(LuytreError):
    """Not the key of this file; nothing is known of the file itself."""


class Broken(Damaged):
    """A chunk is not what was written. `chunk` counts from 0."""

    def __init__(self, chunk: int) -> None:
        super().__init__(Problem("LT-N0501", f"mảnh {chunk} bị hỏng", f"chunk {chunk} is damaged"))
        self.chunk = chunk


@dataclass(frozen=True, slots=True)
class Key:
    """What a key file holds: a passphrase, a public key (it can only lock) or a secret key."""

    passphrase: bytes = b""
    public: bytes = b""
    secret: bytes = b""

    @property
    def may_open(self) -> bool:
        return bool(self.passphrase or self.secret)


def read_key(path: Path) -> Key:
    """The first line that is no comment."""
    try:
        with path.open("rb") as file:
            data = file.read(KEY_FILE_BYTES + 1)
        lines = data.decode("utf-8").splitlines()
        line = next(one for one in lines if one.strip() and not one.startswith("#"))
        if len(data) > KEY_FILE_BYTES:
            raise ValueError("too long")
        if line.startswith(PUBLIC):
            return Key(public=_point(line.removeprefix(PUBLIC)))
        if line.startswith(SECRET):
            secret = _point(line.removeprefix(SECRET))
            made = X25519PrivateKey.from_private_bytes(secret).public_key()
            return Key(public=made.public_bytes(_RAW, serialization.PublicFormat.Raw), secret=secret)
        phrase = unicodedata.normalize("NFC", line.strip("\r\n"))
        if len(phrase) < PASSPHRASE_CHARS:
            raise ValueError(f"shorter than {PASSPHRASE_CHARS} characters")
        return Key(passphrase=phrase.encode())
    except (OSError, ValueError, StopIteration) as error:
        raise ConfigError(Problem(
            "LT-N0502", f"tệp khóa sao lưu không dùng được: cần cụm mật khẩu từ {PASSPHRASE_CHARS} ký tự, hoặc khóa "
            "do `luytre backup key` tạo", f"the backup's key file cannot be used: {error or 'empty'}",
            Place(str(path)), ("luytre backup key --to DIR",),
        )) from None  # fmt: skip


def new_pair() -> tuple[str, str]:
    """(the line of the public key, the line of the secret key)"""
    made = X25519PrivateKey.generate()
    secret = made.private_bytes(_RAW, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return (
        PUBLIC + made.public_key().public_bytes(_RAW, serialization.PublicFormat.Raw).hex(),
        SECRET + secret.hex(),
    )


class SealedWriter:
    def __init__(self, file: BinaryIO, key: Key) -> None:
        self._file, self._number, self.written = file, 0, 0
        salt = os.urandom(32).hex()
        about: dict[str, object] = {"luytre": "backup", "version": 1, "salt": salt}
        if key.passphrase:
            about["lock"] = "passphrase"
            secret = _stretched(key.passphrase, salt)
        else:
            throwaway = X25519PrivateKey.generate()
            point = throwaway.public_key().public_bytes(_RAW, serialization.PublicFormat.Raw)
            about |= {"lock": "x25519", "point": point.hex(), "for": key.public.hex()}
            secret = throwaway.exchange(X25519PublicKey.from_public_bytes(key.public))
        line = json.dumps(about, sort_keys=True).encode() + b"\n"
        self._box = _box(secret, salt, line)
        self._write(line)

    def message(self, kind: bytes, payload: bytes, *, last: bool = False) -> None:
        if len(kind) != 1 or len(payload) > CHUNK_BYTES:
            raise ValueError("a message is one byte of kind and at most a chunk")
        data = self._box.encrypt(_nonce(self._number, last=last), kind + payload, None)
        self._number += 1
        self._write(_LENGTH.pack(len(data)) + data)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.written += len(data)


def messages(file: BinaryIO, key: Key) -> Iterator[tuple[bytes, bytes]]:
    """(kind, payload) to the last one. Raises WrongKey at the first, Broken at any."""
    line = file.readline(LINE_BYTES)
    about = _about(line)
    box = _box(_secret(about, key), about["salt"], line)
    number = 0
    while True:
        head = file.read(_LENGTH.size)
        size = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        if not _TAG_BYTES < size <= CHUNK_BYTES + 1 + _TAG_BYTES:
            raise Broken(number)
        data = file.read(size)
        plain = _opened(box, number, data)
        if plain is None:
            if number == 0:  # the key is tried by the first chunk; whether that is damaged cannot be told apart
                raise WrongKey(Problem(
                    "LT-N0503", "không mở được: sai khóa, hoặc phần đầu tệp bị hỏng",
                    "cannot be opened: the wrong key, or the file's beginning is damaged"))  # fmt: skip
            raise Broken(number)
        last, payload = plain
        yield payload[:1], payload[1:]
        if last:
            if file.read(1):
                raise Broken(number + 1)
            return
        number += 1


def _opened(box: ChaCha20Poly1305, number: int, data: bytes) -> tuple[bool, bytes] | None:
    for last in (False, True):
        try:
            return last, box.decrypt(_nonce(number, last=last), data, None)
        except InvalidTag:
            continue
    return None


def _about(line: bytes) -> dict[str, str]:
    try:
        about = json.loads(line)
        if not line.endswith(b"\n") or about["luytre"] != "backup":
            raise ValueError("another file")
        newer = about["version"] != 1
        if about["lock"] not in ("passphrase", "x25519") or len(bytes.fromhex(about["salt"])) != 32:
            raise ValueError("an unknown lock")
        if about["lock"] == "x25519":
            _point(about["point"])
    except (ValueError, KeyError, TypeError):
        raise Damaged(Problem("LT-N0504", "không phải bản sao lưu của Lũy Tre, hoặc dòng đầu bị hỏng",
                              "not a backup of Lũy Tre, or its first line is damaged")) from None  # fmt: skip
    if newer:
        raise Damaged(Problem("LT-N0505", "bản sao lưu do phiên bản mới hơn tạo", "a newer version made this backup"))
    return dict(about)


def _secret(about: dict[str, str], key: Key) -> bytes:
    if about["lock"] == "passphrase" and key.passphrase:
        return _stretched(key.passphrase, about["salt"])
    if about["lock"] == "x25519" and key.secret:
        peer = X25519PublicKey.from_public_bytes(bytes.fromhex(about["point"]))
        try:
            return X25519PrivateKey.from_private_bytes(key.secret).exchange(peer)
        except ValueError:  # a point of small order, which no writer of ours makes
            pass
    needed = ("cụm mật khẩu", "a passphrase") if about["lock"] == "passphrase" else ("khóa bí mật", "the secret key")
    raise WrongKey(Problem("LT-N0503", f"bản sao lưu này cần {needed[0]} khác", f"this backup needs {needed[1]}"))


def _stretched(passphrase: bytes, salt: str) -> bytes:
    return Scrypt(salt=bytes.fromhex(salt), length=32, n=2**15, r=8, p=1).derive(passphrase)


def _box(secret: bytes, salt: str, line: bytes) -> ChaCha20Poly1305:
    made = HKDF(hashes.SHA256(), 32, bytes.fromhex(salt), b"luytre backup 1\n" + line)
    return ChaCha20Poly1305(made.derive(secret))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def _point(text: str) -> bytes:
    point = bytes.fromhex(text.strip())
    if len(point) != 32:
        raise ValueError("not 32 bytes")
    return point
