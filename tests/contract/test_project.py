"""Promises about the project itself: file sizes, units, locks, what the repository must not hold."""

from __future__ import annotations

import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "api" / "node" / "systemd").glob("*.service"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_only_our_own_text_is_tracked() -> None:
    for path in tracked():
        assert path.stat().st_size < 1_000_000, f"{path} is too large to be ours"
        assert not {"node_modules", "dist"} & set(path.parts), path


def test_locks_name_no_host() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "dashboards/package-lock.json"):
        for line in (ROOT / name).read_text("utf-8").splitlines():
            assert not re.search(r'"resolved":|--index-url|--find-links', line), f"{name}: {line}"


def test_locks_cover_what_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = declared["optional-dependencies"]
    for lock, wanted in (
        ("requirements.lock", [*declared["dependencies"], *extras["node"], *extras["build"]]),
        ("requirements-dev.lock", [*declared["dependencies"], *(name for group in extras.values() for name in group)]),
    ):
        locked = {line.split("==")[0].split("[")[0] for line in (ROOT / lock).read_text().splitlines() if "==" in line}
        for need in wanted:
            name = re.split(r"[\[<>=]", need)[0].lower()
            assert name in locked, f"{lock} lacks {name}: lock again"


def test_there_are_units() -> None:
    assert UNITS


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_hardened(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    service = unit["Service"]
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["RestartPreventExitStatus"] == "77 78"
    assert service.get("User") == "luytre"
    capabilities = service["CapabilityBoundingSet"]
    assert capabilities == ("CAP_NET_RAW" if path.name == "luytre-packet.service" else "")
