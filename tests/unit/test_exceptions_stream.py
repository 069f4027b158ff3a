"""Exceptions in the correlator: they hide what they say, of their own agency, until their end, and nothing else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api.exceptions.selection import Condition, document, dumped
from api.node.checks.rules import look as doctor
from correlator.engine import Engine
from correlator.engine.load import files as rule_files
from correlator.exceptions import Exceptions, read
from correlator.pipeline import Pipeline
from sensors.event import Event
from tests.unit.test_correlator_run import Setting, failure, finish

BASE, FIVE = "a1111111-2222-4333-8444-555555555551", "a1111111-2222-4333-8444-555555555552"
NOW = 1_770_000_000.0
RULES: list[dict[str, Any]] = [{"id": BASE, "logsource": {"product": "linux", "service": "sshd"}}]


def of(number: int, agency: str = "so-a") -> Event:
    return {**failure(number), "organization": {"id": agency}}


def made(name: str = "NL-1", agency: str = "so-a", until: float = NOW + 1_000, *given: Condition) -> dict[str, Any]:
    conditions = given or (Condition(field="source.ip", values=("203.0.113.1",)),)
    return document(name, agency, RULES, conditions, until, owner="Lan", reason="máy quét của Sở")


def write(setting: Setting, *several: dict[str, Any], agency: str = "so-a") -> Path:
    path = setting.rules / "exceptions" / f"{agency}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(dumped(several), "utf-8")
    return path


def sources(setting: Setting) -> list[str]:
    return sorted(hit["source"]["ip"] for hit in setting.node.hits.values() if hit["rule"]["id"] == BASE)


def look(setting: Setting, runner: Any, seconds: float = 10) -> None:
    setting.clock.move(seconds)
    runner._look_at_rules()


def test_it_takes_effect_counts_ends_and_comes_back_without_a_rule_loaded_anew(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [of(number) for number in range(90)], batch=9)
    runner = setting.start()
    runner.step()
    assert sources(setting).count("203.0.113.1") == 3
    write(setting, made(until=NOW + 60))
    look(setting, runner)
    runner.step()
    assert sources(setting).count("203.0.113.1") == 3
    assert len(sources(setting)) == 9 + 6  # the others go on
    health = setting.daemon.health["exceptions"]
    runner._report()
    assert setting.daemon.health["exceptions"]["in_force"] == {"NL-1": {"hidden": 3, "last": "2026-02-02T02:40:16Z"}}
    assert health["faults"] == []
    assert runner.reloads == 0
    look(setting, runner, 60)  # nobody touches the file: its end has come
    assert [one["code"] for one in setting.daemon.health["exceptions"]["faults"]] == ["LT-R0704"]
    runner.step()
    assert sources(setting).count("203.0.113.1") == 6
    path = write(setting, made(until=NOW + 10_000))
    look(setting, runner)
    runner.step()
    assert sources(setting).count("203.0.113.1") == 6
    path.unlink()  # ended by a person
    look(setting, runner)
    runner.step()
    assert sources(setting).count("203.0.113.1") == 9


def test_counts_outlive_a_restart(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [of(number) for number in range(30)])
    write(setting, made(until=NOW + 10_000))
    runner = setting.start()
    finish(runner)
    runner._write()
    again = setting.start()
    again._report()
    assert setting.daemon.health["exceptions"]["in_force"]["NL-1"]["hidden"] == 10


def test_what_a_correlation_counts_is_hidden_from_it_too(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [of(number) for number in range(60)])
    write(setting, made(until=NOW + 10_000))
    finish(setting.start())
    groups = {hit["luytre"]["hit"]["group"]["source.ip"] for hit in setting.node.hits.values()
              if hit["rule"]["id"] == FIVE}  # fmt: skip
    assert groups == {"203.0.113.0", "203.0.113.2"}


@pytest.mark.parametrize("agency", ["so-b", "", None, 5, ["so-a"], "SO-A"])
def test_only_its_own_agency_by_the_stamp_of_ingest(agency: object, tmp_path: Path) -> None:
    """A field of that name elsewhere in the event, which its sensor writes, counts for nothing."""
    event = {**failure(1), "organization": {"id": agency}, "winlog": {"event_data": {"organization.id": "so-a"}}}
    pipeline = _pipeline(tmp_path, made())
    assert [hit["rule"]["id"] for hit in pipeline.feed([event])] == [BASE]
    assert pipeline.feed([of(1)]) == []


def test_a_filter_of_an_exception_is_no_filter_of_the_rules(tmp_path: Path) -> None:
    """The loader of rules leaves that folder to us: else it would hide a second time, uncounted. Only there."""
    setting = Setting(tmp_path, [])
    path = write(setting, made())
    deeper = setting.rules / "own" / "exceptions" / "x.yml"
    deeper.parent.mkdir(parents=True)
    deeper.write_text("{}")
    found = list(rule_files([setting.rules]))
    assert path not in found
    assert deeper in found


def changed(**parts: Any) -> dict[str, Any]:
    whole = made()
    for key, value in parts.items():
        if key in ("rules", "selection", "condition"):
            whole["filter"][key] = value
        elif key == "more":
            whole["filter"] |= value
        else:
            whole["luytre"]["exception"][key] = value
    return whole


@pytest.mark.parametrize(("wrong", "words"), [
    (changed(agency="so-b"), "not of the agency"),
    (changed(selection={"organization.id|cased": "so-b", "source.ip": "203.0.113.1"}), "bound to"),
    (changed(selection={"organization.id": "so-a", "source.ip": "203.0.113.1"}), "bound to"),
    (changed(selection={"organization.id|cased": ["so-a", "so-b"], "source.ip": "x"}), "bound to"),
    (changed(selection={"source.ip": "203.0.113.1"}), "bound to"),
    (changed(selection={"organization.id|cased": "so-a"}), "would hide all"),
    (changed(selection=[{"organization.id|cased": "so-a", "source.ip": "x"}]), "says rules"),
    (changed(condition="selection"), "not selection"),
    (changed(more={"other": {"source.ip": "1"}}), "says rules"),
    (changed(rules="any"), "names its rules"),
    (changed(rules=[]), "by id or name"),
    (changed(until="sometime"), "its end"),
    (changed(id=""), "its id"),
    ({"title": "x", "logsource": {}, "filter": {"rules": "any", "condition": "not a", "a": {"b": 1}}}, "not an exc"),
    ({"title": "x"}, "not an exception"),
])  # fmt: skip
def test_a_wrong_one_hides_nothing_and_says_why(wrong: dict[str, Any], words: str, tmp_path: Path) -> None:
    setting = Setting(tmp_path, [])
    write(setting, wrong, made("NL-2"))
    found = read(setting.rules / "exceptions", NOW)
    assert [one.id for one in found.items] == ["NL-2"]  # its neighbour is in force
    [fault] = found.told()
    assert (fault.code, words in fault.reason) == ("LT-R0702", True), fault.reason
    assert fault.line >= 1


def test_what_names_no_rule_that_runs_is_told(tmp_path: Path) -> None:
    other = made()
    other["filter"]["rules"] = ["00000000-0000-4000-8000-000000000000"]
    elsewhere = made("NL-2")
    elsewhere["logsource"] = {"product": "windows"}
    pipeline = _pipeline(tmp_path, other, elsewhere)
    assert [(one.code, one.id) for one in pipeline.exceptions.told()] == [("LT-R0703", "NL-1"), ("LT-R0703", "NL-2")]
    assert pipeline.exceptions.report()["in_force"] == {}
    assert len(pipeline.feed([of(1)])) == 1


def test_a_file_that_cannot_be_read_leaves_what_was_in_force_until_its_end(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [])
    path = write(setting, made(until=NOW + 50))
    folder = path.parent
    there = read(folder, NOW)
    for broken in (b"\xff\xfe", b"[[[", b"a: 1\n" * 400_000, b"- " * 50):
        path.write_bytes(broken)
        kept = read(folder, NOW, there)
        assert [one.id for one in kept.items] == ["NL-1"]
        assert [one.code for one in kept.told()] == ["LT-R0701"]
        assert not read(folder, NOW + 50, there).items
        assert not read(folder, NOW).items  # at a start nothing is known: the rules tell everything
    assert read(tmp_path / "nowhere", NOW).told() == []


def _pipeline(folder: Path, *several: dict[str, Any]) -> Pipeline:
    setting = Setting(folder, [])
    path = write(setting, *several)
    engine = Engine.load([setting.rules / "failure_rules.yml"], [setting.pipeline])
    # The correlation of the file is left out: these tests are about single events.
    return Pipeline(Engine(engine.rules, (), engine._sources.all), exceptions=read(path.parent, NOW))


def test_without_exceptions_nothing_is_asked(tmp_path: Path) -> None:
    pipeline = _pipeline(tmp_path)
    assert pipeline.exceptions.passed({}, []) == []
    assert Exceptions().report() == {"in_force": {}, "faults": []}


def test_the_doctor_says_what_is_not_in_force() -> None:
    faults = [{"code": "LT-R0703", "id": "NL-1", "reason": "names no rule that runs"}]
    rules = [{"state": "running", "kind": "detector"}]
    machine: Any = SimpleNamespace(
        reports={"correlator": {"rules": rules, "exceptions": {"faults": faults}}}, alive=lambda _: True, config=None,
    )  # fmt: skip
    [one] = [found for found in doctor(machine) if found.cause == "rule-exception"]
    assert "LT-R0703 NL-1" in one.value.en
