"""Which packages may be loaded beside scapy.

scapy is GPL-2.0-only: in one program with it, everything must be compatible with that. So the packet role's process
installs this import hook first: a package that is not listed here cannot be imported in it, whoever asks. A test starts
the role in a child process and reads the licences of what it has really loaded ("OR" may choose, "AND" may not).
In: names of modules to be imported. Out: `ModuleNotFoundError` for what is not allowed; nothing else.
Source: https://www.gnu.org/licenses/gpl-faq.html#WhatDoesCompatMean
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Top-level module → licence as its distribution states it.
ALLOWED = {
    "sensors": "MIT",
    "scapy": "GPL-2.0-only",
    "msgspec": "BSD-3-Clause",
    "zstandard": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",  # with bundled parts under 0BSD, MIT, Zlib, CC0-1.0
    "cryptography": "Apache-2.0 OR BSD-3-Clause",  # scapy looks for it
    "_cffi_backend": "MIT",
    "cffi": "MIT",
    "typing_extensions": "PSF-2.0",
}


class _AllowList(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if top in ALLOWED or top in sys.stdlib_module_names:
            return None
        raise ModuleNotFoundError(f"{top} may not be loaded beside scapy (sensors/packets/licence.py)", name=name)


def guard() -> None:
    """From here on this process imports only what is listed. Calling it again changes nothing."""
    if not any(isinstance(finder, _AllowList) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AllowList())
