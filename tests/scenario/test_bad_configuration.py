"""Issue 3: an unknown key, table or wrong type refuses to start, for every program: exit 78, file, line, key path, a
guess at what was meant, and no value of the file, because some are secrets.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sensors.errors import EXIT_CONFIG

pytestmark = pytest.mark.slow
LIMIT_S = 60.0  # alone 0.2 s, the API 1.2 s; the machine may be full of other tests
SENSOR, CORRELATOR = "sensors.cli", "correlator.cli"
PROGRAMS = {
    "packet": ([SENSOR, "packet"], "packet", "interfaces", "interfacs"),
    "log": ([SENSOR, "log"], "log", "files", "fils"),
    "probe": ([SENSOR, "probe"], "probe", "services", "servces"),
    "ship": ([SENSOR, "ship"], "ship", "coding", "codng"),
    "index": ([CORRELATOR, "index"], "store", "days", "dayz"),
    "run": ([CORRELATOR, "run"], "correlator", "rules", "rulez"),
    "serve": (["api.serve", "serve"], "api", "connections", "conections"),
    "up": (["-", "up"], "log", "files", "fils"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_configuration_refuses_to_start(tmp_path: Path, program: str) -> None:
    words, table, key, typo = PROGRAMS[program]
    command = ["-m", *words] if words[0] != "-" else ["-c", "from api.node.cli import main; main()", words[1]]
    path = tmp_path / "luytre.toml"
    node_table = f'[node]\ndata = "{tmp_path / "data"}"\n'
    secret = "chim-hoang-yen"
    cases = {
        f"{node_table}[{table[:-1]}x]\n{typo} = 1\n": (3, f"({table[:-1]}x)", table),
        f'{node_table}[{table}]\n{typo} = "{secret}"\n': (4, f"({table}.{typo})", key),
        f"{node_table}[{table}]\n{key} = true\n": (4, f"({table}.{key})", key),
        f"{table} = 3\n{node_table}": (1, f"({table})", table),
        f"{node_table}[{table}]\n{key} = {secret}\n": (4, "", key),
        f'{node_table}agenci = "{secret}"\n[{table}]\n': (3, "(node.agenci)", "agency"),
    }
    for text, (line, where, guess) in cases.items():
        path.write_text(text)
        done = subprocess.run([sys.executable, *command, "--config", str(path)], capture_output=True, text=True,
                              timeout=LIMIT_S, check=False, cwd=Path(__file__).parents[2])  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == EXIT_CONFIG, f"{text}\n{said}"
        assert f"{path}:{line}" in done.stderr
        assert where in done.stderr
        assert guess in done.stderr
        assert secret not in said
        assert "Traceback" not in said
    assert not list(tmp_path.glob("data/journal/*/*"))
