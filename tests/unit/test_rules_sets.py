"""`luytre rules new`, `diff` and `coverage`: what they write and say."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sensors.clock import rfc3339
from tests.unit.test_rules_command import GUESSING, Node, node  # noqa: F401

SHIPPED = Path(__file__).resolve().parents[2] / "rules"


def test_a_new_rule_loads_passes_its_own_tests_and_lint_names_what_is_left(node: Node) -> None:  # noqa: F811
    words = ("new", "sudo_by_guest_account", "--product", "linux", "--service", "sudo", "--level", "high", "--field",
             "user.name=khách: số 1", "--field", "event.outcome=success", "--tag", "attack.t1548.003",
             "--title-vi", "Khách dùng sudo: \"nguy hiểm\"")  # fmt: skip
    assert node.run(*words).code == 0
    path = node.rules / "sudo_by_guest_account.yml"
    assert node.json("list", str(path))["rules"][0]["level"] == "high"
    left = node.json("lint", str(path), "--no-store", "--no-sigma")["findings"]
    assert {one["code"] for one in left} == {"LT-R0504", "LT-R0508"}  # steps, and what reads "…"
    [open_places] = [one["en"] for one in left if one["code"] == "LT-R0508"]
    assert "luytre.reason.vi" in open_places
    assert "tests.0.name" in open_places
    before = path.read_text()
    again = node.run(*words)
    assert (again.code, "LT-R0316" in again.err) == (1, True)
    assert path.read_text() == before
    for bad in (("new", "../up"), ("new", "Short"), ("new", "good_name_here", "--level", "urgent")):
        assert node.run(*bad).code == 2
    dataset = ("new", "dns_to_a_strange_name", "--service", "network.dns", "--field", "dns.question.name|endswith=.xyz")
    assert node.run(*dataset).code == 0
    outcome = node.json("test", str(node.rules / "dns_to_a_strange_name.yml"))
    assert outcome["tests"] == 2


def test_diff_is_by_rule_not_by_file_and_by_meaning_not_by_spelling(node: Node, tmp_path: Path) -> None:  # noqa: F811
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    telnet = (SHIPPED / "network" / "telnet_from_outside.yml").read_text("utf-8")
    brute = (SHIPPED / "correlations" / "ssh_brute_force.yml").read_text("utf-8")
    (old / "telnet_rule.yml").write_text(telnet)
    (new / "moved_rule.yml").write_text("# moved\n" + telnet)
    (old / "brute_force.yml").write_text(brute)
    (new / "brute_force.yml").write_text(brute)
    (old / "gone_rule.yml").write_text((SHIPPED / "network" / "smb_to_outside.yml").read_text("utf-8"))
    (new / "come_rule.yml").write_text((SHIPPED / "network" / "rdp_from_outside.yml").read_text("utf-8"))
    rows = node.json("diff", str(old), str(new))["changes"]
    assert [row["change"] for row in rows] == ["added", "removed"]
    (new / "moved_rule.yml").write_text(telnet.replace("level: high", "level: low").replace("2323", "2324"))
    (new / "brute_force.yml").write_text(brute.replace("gte: 20", "gte: 30"))
    rows = {row["id"]: row["what"] for row in node.json("diff", str(old), str(new))["changes"] if row["what"]}
    assert rows["0c9b9abf-4dbe-4a13-b433-3f39441b1373"] == {"level": ["high", "low"], "detection": ["", ""]}
    assert list(rows[GUESSING]) == ["correlation"]
    said = node.run("diff", str(old), str(new), "--fail")
    assert said.code == 1
    assert "level: high → low" in said.out
    assert "1 added, 1 removed, 2 changed" in said.out
    assert node.run("diff", "--fail").code == 0  # this node has what is shipped


def test_coverage_counts_only_where_the_data_came_within_the_day(node: Node, tmp_path: Path) -> None:  # noqa: F811
    assert node.run("coverage").code == 69
    now = time.time()
    fresh, old = rfc3339(now - 3600), rfc3339(now - 90_000)

    def row(name: str, technique: str, state: str = "running", **more: Any) -> dict[str, Any]:
        tags = [f"attack.{technique}", "attack.impact"]
        return {"id": name, "state": state, "kind": "sigma", "tags": tags, "title": {"en": name.upper()}, **more}

    rules = [
        row("a", "t1110.001", data_last_seen=fresh), row("b", "t1046", data_last_seen=old), row("c", "t1071"),
        row("d", "t1021", "disabled"), row("e", "t1133", silent=True, data_last_seen=fresh),
        row("f", "t1568", kind="detector"), row("g", "t1110.001"), "torn",
    ]  # fmt: skip
    (node.folder / "run").mkdir(exist_ok=True)
    (node.folder / "run" / "correlator.json").write_text(json.dumps({"name": "correlator", "rules": rules}))
    layer = node.json("coverage")
    assert layer["versions"]["layer"] == "4.5"
    assert layer["domain"] == "enterprise-attack"
    assert {one["techniqueID"]: one["score"] for one in layer["techniques"]} == {
        "T1110.001": 1, "T1046": 0, "T1071": 0, "T1021": 0, "T1568": 1}  # fmt: skip
    assert "without data: G" in next(one["comment"] for one in layer["techniques"] if one["techniqueID"] == "T1110.001")
    assert {one["techniqueID"] for one in node.json("coverage", "--hours", "48")["techniques"] if one["score"]} == {
        "T1110.001", "T1046", "T1568"}  # fmt: skip
    names = tmp_path / "attack.jsonl"
    names.write_text(json.dumps({"id": "T1110.001", "name": "Password Guessing", "tactics": ["credential-access"]}))
    said = node.run("coverage", "--attack", str(names))
    assert "Password Guessing (credential-access)" in said.out
    assert "2 of 1 techniques covered; 2 have rules and no data" in said.out
