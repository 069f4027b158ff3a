"""Sigma filters: which rules they narrow, by what, and the trap of writing them the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from correlator.engine import Engine
from correlator.engine.documents import documents
from correlator.engine.filters import trap

RULE: dict[str, Any] = {
    "title": "Narrowed",
    "id": "11111111-2222-4333-8444-555555555555",
    "name": "narrowed",
    "logsource": {"product": "luytre", "service": "unit"},
    "detection": {"one": {"a": 1}, "two": {"b": 1}, "condition": ["one", "two"]},
}
FILTER: dict[str, Any] = {
    "title": "Leave the scanner alone",
    "logsource": {"product": "luytre"},
    "filter": {"rules": "any", "selection": {"host": "scanner"}, "condition": "not selection"},
}


def load(folder: Path, *filters: dict[str, Any], values: str = "") -> Engine:
    (folder / "rule.yml").write_text(yaml.safe_dump(RULE), "utf-8")
    for number, one in enumerate(filters):
        (folder / f"filter_{number}.yml").write_text(yaml.safe_dump(one), "utf-8")
    (folder / "pipelines").mkdir(exist_ok=True)
    (folder / "pipelines" / "values.yaml").write_text(values or "name: none", "utf-8")
    return Engine.load([folder], [folder / "pipelines"])


def changed(**filter_: Any) -> dict[str, Any]:
    return {**FILTER, "filter": {**FILTER["filter"], **filter_}}


def found(engine: Engine, **event: Any) -> bool:
    return bool(engine.match({"event": {"dataset": "unit"}, **event}))


@pytest.mark.parametrize("rules", [
    "any", "Any", ["any"], RULE["id"], [RULE["id"]], [RULE["id"].upper()], "narrowed", ["somebody-else", "narrowed"],
])  # fmt: skip
def test_the_rules_that_it_names(rules: Any, tmp_path: Path) -> None:
    engine = load(tmp_path, changed(rules=rules))
    assert not engine.refused
    assert found(engine, a=1, host="desk")
    assert not found(engine, a=1, host="scanner")
    assert not found(engine, b=1, host="scanner")  # each of the rule's conditions


@pytest.mark.parametrize("rules", ["another", ["22222222-2222-4333-8444-555555555555"]])
def test_other_rules_are_left(rules: Any, tmp_path: Path) -> None:
    assert found(load(tmp_path, changed(rules=rules)), a=1, host="scanner")


@pytest.mark.parametrize(("logsource", "fits"), [
    ({}, True), ({"product": "luytre"}, True), ({"product": "luytre", "service": "unit"}, True),
    ({"product": "windows"}, False), ({"product": "luytre", "service": "other"}, False),
    ({"product": "luytre", "category": "process_creation"}, False),
])  # fmt: skip
def test_the_rule_s_log_source_lies_within_its_own(logsource: dict[str, str], fits: bool, tmp_path: Path) -> None:
    engine = load(tmp_path, {**FILTER, "logsource": logsource})
    assert found(engine, a=1, host="scanner") is not fits


def test_several_filters_and_selections(tmp_path: Path) -> None:
    second = changed(sel_1={"user": "svc"}, sel_2={"user|startswith": "adm"}, condition="not 1 of sel_*")
    engine = load(tmp_path, FILTER, second)
    assert found(engine, a=1, host="desk", user="lan")
    for host, user in (("scanner", "lan"), ("desk", "svc"), ("desk", "adm_hung")):
        assert not found(engine, a=1, host=host, user=user)


def test_its_names_are_its_own(tmp_path: Path) -> None:
    """A filter's `one` is not the rule's, and the rule's `1 of them` does not take in the filter's selections."""
    engine = load(tmp_path, changed(one={"host": "scanner"}, selection={"host": "none"}, condition="not 1 of them"))
    assert found(engine, a=1, host="desk")
    assert not found(engine, a=1, host="scanner")


def test_a_filter_that_can_not_be_used_is_listed_and_narrows_nothing(tmp_path: Path) -> None:
    for place, bad in enumerate((changed(condition="not other"), changed(rules=None), changed(rules=[7]),
                                 {**FILTER, "logsource": None}, {**FILTER, "filter": []})):  # fmt: skip
        engine = load(tmp_path, bad)
        (refused,) = engine.refused
        assert refused.title == FILTER["title"], place
        assert found(engine, a=1, host="scanner")


def test_a_filter_waits_for_its_placeholders(tmp_path: Path) -> None:
    one = changed(selection={"host|expand": "%scanners%"})
    engine = load(tmp_path, one)
    assert engine.waiting[0].needs == ("scanners",)
    assert found(engine, a=1, host="scanner")
    engine = load(tmp_path, one, values="vars: {scanners: [scanner, probe]}")
    assert not engine.waiting
    assert not found(engine, a=1, host="probe")


def test_a_pipeline_renames_the_filter_s_fields_with_the_rule_s(tmp_path: Path) -> None:
    values = "transformations: [{type: field_name_mapping, mapping: {host: machine, a: alpha}}]"
    engine = load(tmp_path, FILTER, values=values)
    assert not engine.refused
    assert found(engine, alpha=1, machine="desk")
    assert not found(engine, alpha=1, machine="scanner")


@pytest.mark.parametrize(("condition", "trapped"), [
    ("not selection", False), ("selection", True), ("not (selection or other)", False), ("not 1 of them", False),
    ("selection and not other", True), ("not all of them", False), ("selection or not other", False),
])  # fmt: skip
def test_the_trap(condition: str, trapped: bool) -> None:
    one = changed(other={"user|neq": "x"}, condition=condition)
    (document,) = documents(yaml.safe_dump(one).encode())
    assert bool(trap(document)) is trapped
