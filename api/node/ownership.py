"""Files that a command run as root leaves in a node's data folder belong to whom the folder belongs.

In:  the data folder, what was written. Out: owner and group changed where root runs and the folder is another's. The
     entry itself is changed, never where a link leads: the folder's owner may have put one there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def as_the_folder(folder: Path, made: Iterable[Path]) -> None:
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    if owner.st_uid == 0 and owner.st_gid == 0:
        return
    for path in made:
        with contextlib.suppress(FileNotFoundError):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
