"""The bars that the project promises on third-party ground truth, by the makers' data and independent score programs.

The product's own commands run as anyone would run them; a score program beside the data (`<data>/../score/<set>.py`)
reads what they print and exits 1 under its bar.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
SCORES = DATA.parent / "score"
BARS = {"zeek": 0.9, "sigma_regression": 0.99}
COMMANDS = {"luytre-sensor": "sensors.cli", "luytre-correlator": "correlator.cli"}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of this very tree, whatever is installed."""
    folder = tmp_path_factory.mktemp("bin")
    for name, module in COMMANDS.items():
        script = folder / name
        script.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from {module} import main\nsys.exit(main())\n",
            encoding="utf-8",
        )
        script.chmod(0o755)
    return folder


@pytest.mark.conformance
@pytest.mark.parametrize("name", BARS)
def test_the_bar_is_met(name: str, commands: Path) -> None:
    if not (DATA / name / "index.jsonl").is_file():
        pytest.skip(f"no third-party data `{name}` (LUYTRE_CONFORMANCE_DATA)")
    program = SCORES / f"{name}.py"
    if not program.is_file():
        pytest.skip(f"no score program {name}.py beside the data")
    words = [program, DATA, "--bin", f"{commands}/", "--min", BARS[name], "--failures", 10]
    done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False, timeout=600)
    print(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "crashes and timeouts" in done.stdout
    crashed = next(line for line in done.stdout.splitlines() if line.startswith("crashes and timeouts"))
    assert crashed.split()[-1] == "0", crashed
