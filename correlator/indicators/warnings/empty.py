"""Hashes of files that are everywhere: of nothing, of one byte, of one line's end.

Source: computed; tests/unit/test_indicators_warnings.py computes them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from correlator.indicators.seam import Caution, Own, Warn

CONTENTS = (b"", b"\n", b"\r\n", b"\x00", b" ", b"\xff\xfe", b"\xef\xbb\xbf", b"0", b"1", b"{}", b"[]", b"null")
_KNOWN = frozenset(
    hashlib.new(name, content, usedforsecurity=False).hexdigest()
    for name in ("md5", "sha1", "sha256", "sha512")
    for content in CONTENTS
)


def make(own: Own) -> Callable[[str, str], Caution | None]:
    def check(kind: str, value: str) -> Caution | None:
        if kind in ("md5", "sha1", "sha256", "sha512") and (value in _KNOWN or len(set(value)) == 1):
            return Caution("refuse", "empty", "Mã băm của tệp rỗng hoặc gần như rỗng.",
                           "The hash of an empty or nearly empty file.")  # fmt: skip
        return None

    return check


WARNING = Warn(
    title={"vi": "Tệp rỗng", "en": "Empty files"},
    make=make,
    examples=(
        ("md5", "d41d8cd98f00b204e9800998ecf8427e", "refuse"),
        ("sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "refuse"),
        ("sha1", "0" * 40, "refuse"),
        ("md5", "44d88612fea8a8f36de82e1278abb02f", None),
    ),
)
