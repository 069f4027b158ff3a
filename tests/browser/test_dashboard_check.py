"""`npm run check`: types against the server's own OpenAPI, the dashboard's unit tests, no word missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "dashboards"


@pytest.mark.slow
def test_check() -> None:
    npm = shutil.which("npm")
    if npm is None or not (HERE / "node_modules").is_dir():
        reason = "no npm, or dashboards/node_modules is missing (cd dashboards && npm ci)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [npm, "run", "--silent", "check"], cwd=HERE, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"LUYTRE_PYTHON": sys.executable, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (HERE / "package-lock.json").read_text(encoding="utf-8")


def test_sources_reach_for_nothing_outside() -> None:
    for path in (*HERE.glob("src/**/*.ts*"), *HERE.glob("src/**/*.css"), HERE / "index.html"):
        text = path.read_text(encoding="utf-8")
        assert "dangerouslySetInnerHTML" not in text, path
        assert "innerHTML" not in text, path
        for word in ("http://", "https://"):
            assert word not in text.replace('"http://www.w3.org/2000/svg"', ""), path
