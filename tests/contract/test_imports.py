"""Who may import whom, read from the source: sensors ← correlator ← api, siblings apart, one home per package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("sensors", "correlator", "api")
# What the correlator may use of the sensors: the vocabulary, the durable log, and the wire to a node.
VOCABULARY = {"event", "fields", "registry", "errors", "clock", "config", "daemon", "durable", "wire"}
# Folders of siblings, and what makes a file one: two that export it never import each other.
SIBLINGS = {
    "sensors/protocols": "DISSECTOR",
    "sensors/formats": "FORMAT",
    "sensors/probes": "PROBE",
    "correlator/detectors": "DETECTOR",
    "correlator/indicators/kinds": "KIND",
    "correlator/indicators/formats": "FORMAT",
    "correlator/indicators/warnings": "WARNING",
    "api/resources": "ROUTES",
    "api/jobs": "JOB",
}
HOME = {
    "scapy": ("sensors/sources", "sensors/packets"),
    "elasticsearch": ("correlator/store/elastic",),
    "tantivy": ("correlator/store",),
    "sigma": ("correlator/engine",),
    "fastapi": ("api",),
    "apscheduler": ("api/jobs", "sensors/roles/probe"),
    "sqlalchemy": ("api",),
    "typer": ("api/node",),
    "rich": ("api/node",),
}


def modules() -> list[Path]:
    return sorted(path for top in OURS for path in (ROOT / top).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import, late ones too; `from a.b import c` counts as a.b.c and so as a.b."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for name in node.names:
                yield node.lineno, f"{node.module}.{name.name}"


def place(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


@pytest.mark.parametrize("path", modules(), ids=place)
def test_direction(path: Path) -> None:
    here = place(path)
    top = here.split("/")[0]
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] not in OURS:
            continue
        assert OURS.index(parts[0]) <= OURS.index(top), f"{here}:{line} imports {name}: upwards"
        if top == "correlator" and parts[0] == "sensors":
            assert parts[1] in VOCABULARY, f"{here}:{line} imports {name}: not vocabulary"


def exports(path: Path, name: str) -> bool:
    """Whether a file, or a folder by its __init__, assigns `name` at its top."""
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    if not file.exists():
        return False
    body = ast.parse(file.read_text("utf-8")).body
    targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


@pytest.mark.parametrize("path", modules(), ids=place)
def test_siblings_do_not_import_each_other(path: Path) -> None:
    here = place(path)
    for folder, name in SIBLINGS.items():
        me = here.removeprefix(folder + "/").split("/")[0]
        if not here.startswith(folder + "/") or not exports(ROOT / folder / me, name):
            continue
        for line, imported in imports(path):
            if imported.startswith(folder.replace("/", ".") + "."):
                other = imported.removeprefix(folder.replace("/", ".") + ".").split(".")[0]
                sibling = other != me and exports(ROOT / folder / other, name)
                assert not sibling, f"{here}:{line} imports its sibling {other}"


def test_siblings_are_found() -> None:
    for folder, name in SIBLINGS.items():
        assert any(exports(path.with_suffix(""), name) for path in (ROOT / folder).iterdir()), f"no {name} in {folder}"


@pytest.mark.parametrize("path", modules(), ids=place)
def test_outside_packages_stay_at_home(path: Path) -> None:
    here = place(path)
    for line, name in imports(path):
        homes = HOME.get(name.split(".")[0])
        assert homes is None or here.startswith(homes), f"{here}:{line} imports {name}, which lives in {homes}"
