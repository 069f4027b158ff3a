"""Every shipped rule: tested, bilingual, told apart, right by Sigma's and ATT&CK's books, about fields that exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.node.exercise.scene import Line, Scene
from correlator.engine import Correlation, Engine, Rule
from correlator.engine.testing import Outcome, run_tests
from correlator.pipeline import Pipeline
from sensors.clock import ManualClock
from sensors.errors import EXIT_USAGE
from sensors.event import put
from sensors.fields import Field, table
from sensors.formats.chain import Chain
from sensors.formats.chain import found as formats
from sensors.formats.format import Context
from sensors.probes import FIELDS as PROBE_FIELDS
from sensors.protocols import load as protocols

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"
FILES = sorted(path for path in RULES.rglob("*.yml") if "pipelines" not in path.parts)
FOLDERS = {"network", "linux", "web", "services", "correlations", "windows"}
DOCUMENTS = [(path, document) for path in FILES for document in yaml.safe_load_all(path.read_text("utf-8"))]
ENGINE = Engine.load([RULES], [RULES / "pipelines"])
ALL: list[Rule | Correlation] = [*ENGINE.rules, *ENGINE.correlations]
TOLD = [rule for rule in ALL if not rule.silent]
OUTCOMES = run_tests([RULES], [RULES / "pipelines"])

# Written by ingest, the roles or other makers' shippers, and by no format, dissector or probe of ours.
ELSEWHERE = frozenset((
    "luytre.claimed.agency", "luytre.heartbeat.dropped", "luytre.gap.count", "luytre.gap.reason", "luytre.gap.source",
))  # fmt: skip
# The four that the exercise and its story look for.
BRUTE_FORCE, LOGIN_AFTER = "c5d73062-c77c-4f32-a150-b986ce5f39d6", "8f7f80da-a084-4d10-bc8f-f255a99d0263"
FIXED = {
    "002546c0-3391-4917-9816-180b4bf972a5": "correlations/port_scan.yml",
    BRUTE_FORCE: "correlations/ssh_brute_force.yml",
    LOGIN_AFTER: "correlations/ssh_login_after_brute_force.yml",
    "27342ce4-1b74-4acd-97d7-ca1d0b342204": "services/service_down.yml",
}
ABOUT_OURSELVES = ("luytre_", "sensor_")  # health of the product: no technique of an attacker
_VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)
_AVOIDED = re.compile(r"báo động giả|hacker|tin tặc|vi-rút|!", re.IGNORECASE)  # ux.md A14


def name_of(thing: Any) -> str:
    about = thing.about
    return f"{Path(about.path).relative_to(RULES)}:{about.title}"


def known_fields() -> set[str]:
    declared: list[tuple[Field, ...]] = [one.fields for one in formats().values()]
    declared += [tuple(one.fields) for one in protocols().values()]
    return set(table(*declared, PROBE_FIELDS)) | ELSEWHERE


def used_fields(document: dict[str, Any]) -> set[str]:
    found: set[str] = set(document.get("luytre", {}).get("group_by") or ())
    for texts in document.get("luytre", {}).get("reason", {}).values():
        found |= set(re.findall(r"\{([\w.@-]+)\}", texts)) - {"count", "values", "value", "which"}
    correlation = document.get("correlation") or {}
    found |= set(correlation.get("group-by") or ())
    condition = correlation.get("condition") or {}
    if "field" in condition:
        found |= {condition["field"]} if isinstance(condition["field"], str) else set(condition["field"])
    for name, selection in (document.get("detection") or {}).items():
        if name != "condition":
            for part in selection if isinstance(selection, list) else [selection]:
                for key, value in part.items() if isinstance(part, dict) else ():
                    field, *modifiers = key.split("|")
                    found |= {field, value} if "fieldref" in modifiers else {field}
    return found


def test_none_is_refused_and_enough_are_there() -> None:
    assert not ENGINE.refused
    assert sum(isinstance(rule, Rule) for rule in TOLD) >= 24
    assert sum(isinstance(rule, Correlation) for rule in TOLD) >= 4


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: f"{Path(one.path).stem}: {one.name}")
def test_its_own_tests_hold(outcome: Outcome) -> None:
    assert outcome.ok, f"{outcome.path}: {outcome.name}: wanted {outcome.wanted}, got {outcome.got} {outcome.reason}"


@pytest.mark.parametrize("rule", TOLD, ids=name_of)
def test_people_can_read_it_in_both_languages(rule: Rule | Correlation) -> None:
    about = rule.about
    for texts in (about.titles, about.description, about.reason):
        assert set(texts) >= {"vi", "en"}
        assert _VIETNAMESE.search(texts["vi"]) or texts["vi"].startswith("Suricata"), texts["vi"]
        assert not _AVOIDED.search(texts["vi"]), texts["vi"]
        assert not _VIETNAMESE.search(texts["en"].replace("Lũy Tre", "")), texts["en"]
    assert 3 <= len(about.steps["vi"]) == len(about.steps["en"]) <= 5
    assert all(_VIETNAMESE.search(step) and step.endswith(".") for step in about.steps["vi"])
    assert len(about.titles["vi"]) <= 90  # a row of the queue
    assert "{" in about.reason["vi"]
    assert re.findall(r"\{[^}]*\}", about.reason["vi"]) == re.findall(r"\{[^}]*\}", about.reason["en"])


@pytest.mark.parametrize("rule", TOLD, ids=name_of)
def test_its_level_and_tags(rule: Rule | Correlation) -> None:
    about = rule.about
    assert about.status in ("stable", "experimental", "test")
    assert about.level in ("informational", "low", "medium", "high", "critical")
    assert about.level != "critical" or about.status == "stable"
    if not Path(about.path).name.startswith(ABOUT_OURSELVES):
        assert any(tag.startswith("attack.") for tag in about.tags)


def test_ids_titles_and_file_names() -> None:
    ids = Counter(str(document["id"]) for _, document in DOCUMENTS)
    titles = Counter(document["title"] for _, document in DOCUMENTS)
    assert [key for key, count in (ids + titles).items() if count > 1] == []
    for path in FILES:
        assert path.parent.name in FOLDERS, path
        assert re.fullmatch(r"[a-z0-9_]{6,86}\.yml", path.name), path.name  # Sigma: 10 to 90 characters with the suffix
    vietnamese = Counter(rule.about.titles["vi"] for rule in TOLD)
    assert [key for key, count in vietnamese.items() if count > 1] == []
    places = {rule.id: str(Path(rule.about.path).relative_to(RULES)) for rule in TOLD}
    assert {key: places.get(key) for key in FIXED} == FIXED


@pytest.mark.parametrize(("path", "document"), DOCUMENTS, ids=[f"{p.stem}: {d['title']}" for p, d in DOCUMENTS])
def test_every_field_is_written_by_somebody(path: Path, document: dict[str, Any]) -> None:
    """A rule on a misspelt field never fires and nobody notices."""
    assert used_fields(document) - known_fields() == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_cases_use_addresses_of_nobody(path: Path) -> None:
    text = path.read_text("utf-8").partition("\ntests:")[2]
    ours = ("10.", "192.168.", "192.0.2.", "198.51.100.", "203.0.113.")
    others = {"1.1.1.1", "142.0.0.0"}  # a resolver, a browser's version
    for address in set(re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", text)) - others:
        assert address.startswith(ours), address


def test_an_ordinary_day_of_the_exercise_is_silent_and_its_attack_is_told() -> None:
    scene, chain, context = Scene(1), Chain(formats()), Context(1_770_000_000.0)

    def told(lines: Iterable[Line]) -> set[str]:
        pipeline = Pipeline(ENGINE, clock=ManualClock(), lateness_s=float("inf"))
        events = [chain.event(line.text.encode(), context) for line in lines]
        for number, event in enumerate(events):
            put(event, "event.id", f"e{number}")
        return {hit["rule"]["id"] for hit in [*pipeline.feed(events), *pipeline.finish()]}

    at = 1_769_990_000.0
    assert told([*scene.visits(at, 1000), *scene.office_logins(at, 50)]) == set()
    assert told(scene.guessing(at)) >= {BRUTE_FORCE, LOGIN_AFTER}


@pytest.mark.conformance
def test_tags_are_of_att_and_ck() -> None:
    data = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA") or ROOT.parent / "shared" / "data") / "attack"
    if not data.is_dir():
        pytest.skip("no ATT&CK data: set LUYTRE_CONFORMANCE_DATA")
    rows = [json.loads(line) for line in (data / "enterprise_techniques.jsonl").read_text("utf-8").splitlines()]
    techniques = {row["id"].lower(): row for row in rows if not (row["revoked"] or row["deprecated"])}
    for path, document in DOCUMENTS:
        tags = [tag.removeprefix("attack.") for tag in document.get("tags", ())]
        tactics = {tag for tag in tags if not re.match(r"t\d{4}", tag)}
        for tag in set(tags) - tactics:
            assert tag in techniques, (path, tag)
            assert tactics & set(techniques[tag]["tactics"]), (path, tag, tactics)


def test_sigma_check_passes() -> None:
    command = [sys.executable, "-c", "from api.node.cli import main; main(['rules', 'check'])"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Found 0 errors, 0 condition errors and 0 issues." in done.stdout


def test_the_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from api.node.cli import main

    whole = (RULES / "network" / "telnet_from_outside.yml").read_text("utf-8")
    broken, missed = tmp_path / "broken_rule.yml", tmp_path / "missed_rule.yml"
    broken.write_text(whole.replace("network.transport: tcp", "network.transport|nonsense: tcp"), "utf-8")
    missed.write_text(whole.replace("destination.port: 23,", "destination.port: 24,"), "utf-8")
    for path, words in ((broken, ("LT-R02", "nonsense")), (missed, ("a session",))):
        with pytest.raises(SystemExit) as ended:
            main(["rules", "test", str(path)])
        printed = capsys.readouterr().out
        assert ended.value.code == 1
        assert f"{path}:" in printed
        assert all(word in printed for word in words), printed
    with pytest.raises(SystemExit) as ended:
        main(["rules", "test", str(tmp_path / "nothing.yml")])
    assert ended.value.code == EXIT_USAGE
