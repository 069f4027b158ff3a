"""`python -m api.node.keeping create …`: the scheduled backup, at the lowest priority of processor and disk."""

import contextlib
import os
import sys

from api.node.cli import main

if __name__ == "__main__":
    with contextlib.suppress(OSError):
        os.nice(19)
    main(["backup", *sys.argv[1:]])
