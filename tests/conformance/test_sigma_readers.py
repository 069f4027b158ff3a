"""Our reader of Sigma against the specification's own schemas and examples, SigmaHQ's rules, and pySigma.

Data: `sigma_spec` and `sigma_rules` beside the other third-party sets (LUYTRE_CONFORMANCE_DATA). CPU: about 12 s.
"""

from __future__ import annotations

import copy
import json
import os
import tarfile
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from sigma.processing.pipeline import ProcessingPipeline

from correlator.engine import conditions as c
from correlator.engine import load as loader
from correlator.engine import sources as routing
from correlator.engine.documents import DocumentProblem, documents
from correlator.engine.filters import trap

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA") or ROOT.parent / "shared" / "data")
SPEC, RULES = DATA / "sigma_spec", DATA / "sigma_rules"
SCHEMAS = {"rule": "detection-rule", "correlation": "correlation-rules", "filter": "filters"}
# What no schema can say: that a condition names what is there, that a modifier is one of the specification's.
BEYOND = ("which the detection does not have", "has no modifier")
REQUIRED = [("rule", key) for key in ("title", "logsource", "detection")] + [
    ("filter", "logsource"), ("filter", "filter"), ("correlation", "title")]  # fmt: skip

pytestmark = pytest.mark.conformance


def kind(document: dict[str, Any]) -> str:
    return "correlation" if "correlation" in document else "filter" if "filter" in document else "rule"


@pytest.fixture(scope="module")
def schemas() -> dict[str, Draft202012Validator]:
    if not (SPEC / "json-schema").is_dir():
        pytest.skip("no third-party data `sigma_spec` (LUYTRE_CONFORMANCE_DATA)")
    return {name: Draft202012Validator(json.loads((SPEC / f"json-schema/sigma-{file}-schema.json").read_text("utf-8")))
            for name, file in SCHEMAS.items()}  # fmt: skip


def examples() -> Iterator[dict[str, Any]]:
    """Every document that comes with the specification; those of one set with one id are told apart."""
    for path in sorted(SPEC.rglob("*.yml")):
        if "pipeline" in path.name:
            continue
        try:
            found = [document.value for document in documents(path.read_bytes())]
        except DocumentProblem:
            continue
        yield from (value for value in found if isinstance(value, dict))


def load_alone(document: dict[str, Any], folder: Path) -> loader.Loaded:
    """The document, with a rule for each that it refers to."""
    body = document.get("correlation")
    references = body.get("rules") if isinstance(body, dict) else []
    stubs = [{"title": f"Stub {name}", "name": name, "logsource": {"category": "test"},
              "detection": {"s": {"f": 1}, "condition": "s"}}
             for name in ([references] if isinstance(references, str) else references or [])]  # fmt: skip
    (folder / "case.yml").write_text(yaml.safe_dump_all([*stubs, document], allow_unicode=True), "utf-8")
    return loader.load([folder / "case.yml"])


def test_what_the_schemas_accept_is_loaded_and_nothing_else(schemas: dict[str, Any], tmp_path: Path) -> None:
    seen: list[bool] = []
    beyond = []
    for document in examples():
        valid = schemas[kind(document)].is_valid(document)
        reasons = [one.reason for one in load_alone(document, tmp_path).refused]
        if valid and any(words in reason for reason in reasons for words in BEYOND):
            beyond.append(document["title"])
            continue
        assert valid == (not reasons), (document, reasons)
        seen.append(valid)
    assert seen.count(True) >= 30
    assert seen.count(False) >= 3
    assert beyond == ["Test"] * len(beyond)
    assert len(beyond) < 5


@pytest.mark.parametrize(("which", "key"), REQUIRED)
def test_what_the_schemas_require_is_required(which: str, key: str, schemas: dict[str, Any], tmp_path: Path) -> None:
    document = next(copy.deepcopy(one) for one in examples() if kind(one) == which and schemas[which].is_valid(one))
    del document[key]
    assert not schemas[which].is_valid(document)
    assert load_alone(document, tmp_path).refused


def test_the_specification_s_own_filter_is_the_trap_and_pysigma_s_is_not() -> None:
    if not SPEC.is_dir():
        pytest.skip("no third-party data `sigma_spec` (LUYTRE_CONFORMANCE_DATA)")
    traps = {}
    for path in SPEC.rglob("*.yml"):
        if "filter" in path.parts[-2]:
            for document in documents(path.read_bytes()):
                if "filter" in document.value:
                    traps[path.parent.name] = bool(trap(document))
    assert traps == {"filter_examples": True, "filter": True, "filter_valid": False}


# --- SigmaHQ ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sigmahq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = RULES / "sigmahq_rules_open.tar.gz"
    if not archive.is_file():
        pytest.skip("no third-party data `sigma_rules` (LUYTRE_CONFORMANCE_DATA)")
    folder = tmp_path_factory.mktemp("sigmahq")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def placeholders(sigmahq: Path) -> dict[str, tuple[str, ...]]:
    return {name: ("first", "sec?nd*") for one in loader.load([sigmahq]).waiting for name in one.needs}


@pytest.fixture(scope="module")
def ours(sigmahq: Path, placeholders: dict[str, tuple[str, ...]]) -> loader.Loaded:
    return loader.load([sigmahq], None, placeholders)


def test_all_of_sigmahq_is_loaded(sigmahq: Path, ours: loader.Loaded, placeholders: dict[str, Any]) -> None:
    files = len(list(loader.files([sigmahq])))
    assert ours.refused == []
    assert ours.waiting == []
    assert len(ours.rules) == files > 3600
    assert len(placeholders) > 20


def test_every_windows_rule_of_sigmahq_is_routed(ours: loader.Loaded) -> None:
    sources = routing.Sources(routing.load(routing.read([ROOT / "rules" / "pipelines"])))
    unrouted = {str(rule.logsource) for rule in ours.rules if not sources.known(rule.logsource)}
    assert {name for name in unrouted if "windows" in name} == set()


def test_pysigma_reads_the_same_trees(sigmahq: Path, ours: loader.Loaded, placeholders: dict[str, Any]) -> None:
    """An empty pipeline sends each rule through pySigma. No rule of SigmaHQ is among the forms that it reads otherwise
    (correlator/engine/README.md lists those)."""
    theirs = {rule.id: rule for rule in loader.load([sigmahq], ProcessingPipeline(), placeholders).rules}
    assert len(theirs) == len(ours.rules)
    other = [rule.about.path for rule in ours.rules
             if normal(rule.condition) != normal(theirs[rule.id].condition)
             or rule.logsource != theirs[rule.id].logsource]  # fmt: skip
    assert other == []


def normal(tree: c.Condition) -> Hashable:
    """Without the order and the brackets that make no difference."""
    match tree:
        case c.AllOf(parts) | c.AnyOf(parts):
            name = type(tree).__name__
            members: set[Hashable] = set()
            for part in map(normal, parts):
                members |= part[1] if isinstance(part, tuple) and part[0] == name else {part}
            return members.pop() if len(members) == 1 else (name, frozenset(members))
        case c.Not(part):
            return ("Not", normal(part))
    return tree
