"""What an agency changes of rules: in force while it says so, told when it is not, and never a hole by mistake."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api.node.checks.rules import look
from correlator.engine import Engine
from correlator.tuning import Tuning, read
from sensors.clock import parse_rfc3339
from tests.unit.test_correlator_run import Setting, failure, finish

NOW = parse_rfc3339("2026-02-02T03:00:00Z") or 0.0  # ten in the morning
BASE, FIVE = "a1111111-2222-4333-8444-555555555551", "a1111111-2222-4333-8444-555555555552"


def table(rule: str, what: str, until: str = "2026-02-28") -> str:
    return f'["{rule}"]\n{what}\nreason = "máy quét của Sở"\nowner = "lan"\nuntil = {until}\n'


def tuned(folder: Path, text: str, now: float = NOW, keep: Tuning | None = None) -> Tuning:
    path = folder / "tuning.toml"
    path.write_text(text)
    return read(path, now, keep)


def test_the_last_day_is_vietnams_and_whole(tmp_path: Path) -> None:
    text = table(BASE, "enabled = false", "2026-02-02")
    assert set(tuned(tmp_path, text, NOW).entries) == {BASE}
    late = parse_rfc3339("2026-02-02T16:59:59Z") or 0.0
    assert set(tuned(tmp_path, text, late).entries) == {BASE}
    over = tuned(tmp_path, text, late + 1)
    assert not over.entries
    assert [(one.code, one.rule_id, one.line) for one in over.told()] == [("LT-R0404", BASE, 1)]
    assert tuned(tmp_path, text, NOW).mark(late) == ()
    assert tuned(tmp_path, text, NOW).mark(late + 1) == (BASE,)


@pytest.mark.parametrize(("text", "words"), [
    (f'["{BASE}"]\nenabled = false\nowner = "a"\nuntil = 2026-03-01\n', "reason"),
    (f'["{BASE}"]\nenabled = false\nreason = "a"\nuntil = 2026-03-01\n', "owner"),
    (f'["{BASE}"]\nenabled = false\nreason = "a"\nowner = "b"\n', "until"),
    (table(BASE, "enabled = true"), "changes nothing"),
    (table(BASE, 'level = "urgent"'), "urgent"),
    (table(BASE, "enabled = false", "2027-02-05"), "within a year"),
    (table(BASE, "enable = false"), "enable"),
    (table(BASE, "enabled = false").replace("máy quét của Sở", "  "), "must say something"),
    (f'"{BASE}" = 5\n', "object"),
])  # fmt: skip
def test_a_wrong_entry_changes_nothing_and_says_why(text: str, words: str, tmp_path: Path) -> None:
    found = tuned(tmp_path, text)
    assert not found.entries
    [fault] = found.told()
    assert fault.code == "LT-R0402"
    assert words in fault.reason


def test_what_cannot_be_read_leaves_what_was_in_force(tmp_path: Path) -> None:
    good = tuned(tmp_path, table(BASE, "enabled = false"))
    broken = tuned(tmp_path, "[[[", keep=good)
    assert set(broken.entries) == {BASE}
    assert broken.told()[0].code == "LT-R0401"
    assert not tuned(tmp_path, "[[[").entries  # at a start nothing is known: the rules run
    assert not tuned(tmp_path, "x = 1\n" * 200_000, keep=None).entries
    (tmp_path / "tuning.toml").write_bytes(b"\xff\xfe\x00")
    assert read(tmp_path / "tuning.toml", NOW).told()[0].code == "LT-R0401"
    assert read(tmp_path / "nothing.toml", NOW).told() == []


def test_an_end_comes_though_the_file_cannot_be_read(tmp_path: Path) -> None:
    good = tuned(tmp_path, table(BASE, "enabled = false", "2026-02-02") + table(FIVE, "enabled = false"))
    tomorrow = NOW + 86_400
    broken = tuned(tmp_path, "[[[", tomorrow, keep=good)
    assert set(broken.entries) == {FIVE}
    assert broken.mark(tomorrow) == ()  # else the rules would be loaded anew at each look
    assert {one.code for one in broken.told()} == {"LT-R0401", "LT-R0404"}


def test_levels_silence_and_order(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [])
    text = table(FIVE, 'level = "low"') + table(BASE, "enabled = false") + table("no-such-rule", "enabled = false")
    found = tuned(tmp_path, text)
    engine = Engine.load([setting.rules], [setting.pipeline], adjust=found.adjust)
    assert [(one.id, one.about.level) for one in engine.correlations] == [(FIVE, "low")]
    assert found.levels[FIVE].level_before == "high"
    assert [(rule.id, rule.silent) for rule in engine.rules] == [(BASE, True)]  # still counted
    assert [one.about.id for one in found.disabled] == [BASE]
    assert [(one.code, one.rule_id, one.line) for one in found.told()] == [("LT-R0403", "no-such-rule", 11)]
    both = tuned(tmp_path, table(FIVE, "enabled = false"))
    engine = Engine.load([setting.rules], [setting.pipeline], adjust=both.adjust)
    assert engine.correlations == ()
    assert [rule.id for rule in engine.rules] == [BASE]


def test_a_running_correlator_takes_it_up_tells_it_and_lets_it_go(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [failure(number) for number in range(70)])
    runner = setting.start()
    runner.step()
    assert {hit["rule"]["id"] for hit in setting.node.hits.values()} == {BASE}
    (setting.rules / "tuning.toml").write_text(table(BASE, "enabled = false", "2026-02-28"))
    setting.clock.move(10)
    runner._look_at_rules()
    finish(runner)
    hits = [hit["rule"]["id"] for hit in setting.node.hits.values()]
    assert hits.count(BASE) == 7
    assert hits.count(FIVE) >= 10  # what counts it goes on
    rows = {row["id"]: row for row in setting.daemon.health["rules"]}
    assert (rows[BASE]["state"], rows[BASE]["tuned"]["owner"], rows[BASE]["tuned"]["until"]) == (
        "disabled", "lan", "2026-02-28")  # fmt: skip
    assert [row["id"] for row in setting.daemon.health["rules"]].count(BASE) == 1
    assert setting.daemon.health["tuning"]["faults"] == []
    setting.clock.move(40 * 86_400)  # nobody touches a file: the day ends it
    runner._look_at_rules()
    rows = {row["id"]: row for row in setting.daemon.health["rules"]}
    assert rows[BASE]["state"] == "running"
    assert [one["code"] for one in setting.daemon.health["tuning"]["faults"]] == ["LT-R0404"]
    reloads = runner.reloads
    setting.clock.move(10)
    runner._look_at_rules()
    assert runner.reloads == reloads  # once


def test_the_doctor_says_what_of_the_tuning_is_not_in_force(tmp_path: Path) -> None:
    faults = [{"code": "LT-R0404", "id": "r-1", "reason": "ended"}]
    rules = [{"state": "running", "kind": "detector"}, {"state": "disabled"}]
    said = {"correlator": {"rules": rules, "tuning": {"faults": faults}}}
    machine: Any = SimpleNamespace(config=None, reports=said, alive=lambda _: True)
    found = {finding.cause: finding for finding in look(machine)}
    assert "LT-R0404 r-1" in found["rule-tuning"].value.en
    assert found[""].measured["disabled"] == 1
