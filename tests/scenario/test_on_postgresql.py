"""The suites of the database, the people's port, casework and federation once more, on a real PostgreSQL.

The same tests that pass on SQLite, each with a database of its own: `tests/servers/database.py` opens it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import postgresql
from tests.servers.database import ASKED

ROOT = Path(__file__).parents[2]
USES = re.compile(r"from tests\.servers\.(people_port|machine_port|two_nodes|database) import|open_database\(")


# Of the contract suites what every role may do: the whole matrix of refusals asks the same queries again.
ROLES = "tests/contract/test_routes.py::test_what_a_role_may_do_works"


def suites() -> list[str]:
    """Every unit module whose nodes open their database through tests/servers/database.py; each route once a role."""
    found = [
        path for path in sorted((ROOT / "tests" / "unit").glob("test_*.py")) if USES.search(path.read_text("utf-8"))
    ]
    return [str(path.relative_to(ROOT)) for path in found] + [ROLES]


@pytest.mark.slow
@pytest.mark.postgresql
def test_every_suite_of_the_database_passes_on_postgresql() -> None:
    chosen = suites()
    assert len(chosen) > 10
    with postgresql.running() as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen], cwd=ROOT,
            env=os.environ | {ASKED: url}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    print(done.stdout.splitlines()[-1])
