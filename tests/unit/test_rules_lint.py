"""`luytre rules lint`: each lint finds its case and leaves the one beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from api.node.rulework import sigma_cli
from tests.unit.test_rules_command import Node, guess, node  # noqa: F401

TOP = "title: {title}\nid: {id}\nstatus: test\nlevel: low\ntags: {tags}\n"
TEXTS = """luytre: {title: {vi: Đăng nhập, en: Log-in}, description: {vi: Có, en: Yes}, reason: {vi: "{a}", en: "{a}"},
  steps: {vi: [Xem.], en: [Look.]}}
tests:
  - {name: one, hit: true, events: [{event.dataset: system.auth, event.outcome: failure}]}
  - {name: two, hit: false, events: [{event.dataset: system.auth, event.outcome: success}]}
"""
GOOD = (
    "logsource: {product: luytre, service: system.auth}\ndetection: {sel: {event.outcome: failure}, condition: sel}\n"
)


def write(folder: Path, name: str, body: str = GOOD, more: str = TEXTS, tags: str = "[]") -> Path:
    number = len(list(folder.glob("*.yml"))) + 1
    path = folder / f"{name}.yml"
    head = TOP.format(title=name.replace("_", " ").title(), id=f"c4444444-2222-4333-8444-{number:012}", tags=tags)
    path.write_text(head + body + more)
    return path


def lint(node: Node, *words: str) -> dict[str, list[dict[str, Any]]]:  # noqa: F811
    found = node.json("lint", "--no-sigma", *words)["findings"]
    by_file: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_file.setdefault(Path(one["path"]).stem, []).append(one)
    return by_file


def codes(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[tuple[str, str]]]:
    return {name: [(one["code"], one["severity"]) for one in rows] for name, rows in found.items()}


def detection(text: str) -> str:
    return GOOD.replace("{sel: {event.outcome: failure}, condition: sel}", text)


def test_each_lint(node: Node, tmp_path: Path) -> None:  # noqa: F811
    mine = tmp_path / "mine"
    mine.mkdir()
    write(mine, "good_rule")
    write(mine, "no_tests", more=TEXTS.partition("tests:")[0])
    write(mine, "no_near_miss", more=TEXTS.rpartition("  - {name: two")[0])
    write(mine, "no_vietnamese", more="tests:" + TEXTS.partition("tests:")[2])
    write(mine, "wild_rule", detection("{sel: {user.name: '*'}, condition: sel}"))
    write(mine, "short_rule", detection("{sel: {user.name|contains: ab}, condition: sel}"))
    write(mine, "longer_rule", detection("{sel: {user.name|contains: abcd}, condition: sel}"))
    write(mine, "unrouted_rule", GOOD.replace("luytre", "nobody").replace("system.auth", "there"))
    write(mine, "refused_rule", detection("{sel: {user.name|nonsense: abcd}, condition: sel}"))
    narrowed = "c4444444-2222-4333-8444-000000000001"
    flt = "logsource: {product: luytre, service: system.auth}\n"
    flt += f"filter: {{rules: [{narrowed}], sel: {{user.name: backup}}, condition: %s}}\n"
    write(mine, "trap_filter", flt % "sel", more="")
    write(mine, "right_filter", flt % "not sel", more="")
    found = codes(lint(node, str(mine), "--no-store"))
    assert found == {
        "no_tests": [("LT-R0503", "warning")], "no_near_miss": [("LT-R0503", "warning")],
        "no_vietnamese": [("LT-R0504", "warning")], "wild_rule": [("LT-R0502", "warning")],
        "short_rule": [("LT-R0502", "note")], "unrouted_rule": [("LT-R0507", "warning")],
        "refused_rule": [("LT-R0201", "error")], "trap_filter": [("LT-R0501", "error")],
    }  # fmt: skip
    said = node.run("lint", str(mine), "--no-store", "--no-sigma")
    assert said.code == 1
    assert "error[LT-R0501]" in said.out.splitlines()[0] + said.out.splitlines()[1]
    (mine / "refused_rule.yml").unlink()
    (mine / "trap_filter.yml").unlink()
    assert node.run("lint", str(mine), "--no-store", "--no-sigma").code == 0
    assert node.run("lint", str(mine), "--no-store", "--no-sigma", "--strict").code == 1


def test_rules_of_others_are_counted_not_listed(node: Node) -> None:  # noqa: F811
    folder = node.rules / "imported" / "sigmahq"
    folder.mkdir(parents=True)
    write(folder, "one_rule", more="")
    write(folder, "two_rule", more="")
    said = node.run("lint", "--no-store", "--no-sigma")
    assert said.code == 0
    assert "imported rules: 2 warning [LT-R0504]" in said.out
    assert "one_rule.yml" not in said.out
    assert "one_rule.yml" in node.run("lint", str(folder), "--no-store", "--no-sigma").out


def test_shipped_rules_have_nothing(node: Node) -> None:  # noqa: F811
    found = node.json("lint", "--no-store", "--no-sigma", config=False)
    assert [one for one in found["findings"] if one["severity"] != "note"] == []


def test_techniques_by_a_file_of_attack(node: Node, tmp_path: Path) -> None:  # noqa: F811
    mine = tmp_path / "mine"
    mine.mkdir()
    write(mine, "right_tags", tags="[attack.credential-access, attack.t1110.001]")
    write(mine, "unknown_tag", tags="[attack.t9999]")
    write(mine, "old_tag", tags="[attack.t1156]")
    write(mine, "other_tactic", tags="[attack.impact, attack.t1110.001]")
    rows = [{"id": "T1110.001", "name": "Password Guessing", "tactics": ["credential-access"]},
            {"id": "T1156", "name": "Old", "tactics": [], "revoked": True}]  # fmt: skip
    lines, bundle = tmp_path / "attack.jsonl", tmp_path / "enterprise-attack.json"
    lines.write_text("\n".join(json.dumps(row) for row in rows))
    bundle.write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "attack-pattern", "name": row["name"], "revoked": row.get("revoked", False),
         "external_references": [{"source_name": "mitre-attack", "external_id": row["id"]}],
         "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": one} for one in row["tactics"]]}
        for row in rows] + [{"type": "malware", "name": "x"}]}))  # fmt: skip
    for file in (lines, bundle):
        found = codes(lint(node, str(mine), "--no-store", "--attack", str(file)))
        assert set(found) == {"unknown_tag", "old_tag", "other_tactic"}
        assert {code for rows in found.values() for code, _ in rows} == {"LT-R0506"}
    lines.write_text("[1]")
    assert "LT-R0313" in node.run("lint", str(mine), "--attack", str(lines)).err


def test_fields_that_never_occur_here(node: Node, tmp_path: Path) -> None:  # noqa: F811
    now = time.time() - 3600
    node.store([guess(n, now + n) for n in range(3)]
               + [{**guess(9, now, "so-khac"), "user": {"name": "x", "domain": "y"}}])  # fmt: skip
    mine = tmp_path / "mine"
    mine.mkdir()
    write(mine, "there_rule")
    write(mine, "never_rule", detection("{sel: {user.domain: y}, condition: sel}"))  # another agency's has it
    write(mine, "other_way", detection("{sel: {user.domain: y}, two: {user.name: root}, condition: sel or two}"))
    write(
        mine,
        "absent_rule",
        detection("{sel: {event.outcome: failure}, no: {user.domain: y}, condition: sel and not no}"),
    )
    write(mine, "silent_source", GOOD.replace("system.auth", "network.dns"))
    found = codes(lint(node, str(mine)))
    assert found == {"never_rule": [("LT-R0505", "warning")], "other_way": [("LT-R0505", "note")],
                     "silent_source": [("LT-R0507", "note")]}  # fmt: skip


def test_sigma_clis_own_checks_are_said(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    mine = tmp_path / "mine"
    mine.mkdir()
    path = write(mine, "good_rule", detection("{sel: {user.name: 'a**b'}, condition: sel}"))
    said = node.run("lint", str(mine), "--no-store")
    assert said.code == 1
    assert "Double" in said.out or "wildcard" in said.out
    assert str(path) in said.out
    monkeypatch.setattr(sigma_cli, "program", lambda: "/bin/false")
    assert node.run("lint", str(mine), "--no-store").code == 1
