"""`luytre rules convert`: queries that ask where our events stand, one a source; what cannot be said is said."""

from __future__ import annotations

from pathlib import Path

from tests.unit.test_rules_command import Node, node  # noqa: F401

RULE = """title: Renamed {n}
id: b3333333-2222-4333-8444-55555555555{n}
level: high
logsource: {{product: windows, category: process_creation}}
detection: {{sel: {{OriginalFileName: whoami.exe}}, ok: {{Image|endswith: '\\whoami.exe'}}, condition: sel and not ok}}
---
title: Other {n}
id: b3333333-2222-4333-8444-66666666666{n}
level: low
logsource: {{product: nobody, service: there}}
detection: {{sel: {{a.b: '{n}'}}, condition: sel}}
"""


def test_a_query_for_each_source_with_its_fields_and_conditions(node: Node, tmp_path: Path) -> None:  # noqa: F811
    for number in range(2):
        (tmp_path / f"renamed_{number}.yml").write_text(RULE.format(n=number))
    found = node.json("convert", str(tmp_path / "renamed_0.yml"), str(tmp_path / "renamed_1.yml"))["queries"]
    assert not [one for one in found if one["failed"]]
    texts = {(one["rule_id"][-1], one["source"]): one["query"] for one in found}
    sysmon = texts["1", "sysmon process_creation"]
    assert "Microsoft\\-Windows\\-Sysmon\\/Operational" in sysmon  # as it is written, not as the engine folds it
    assert "winlog.event_id:1" in sysmon
    assert "winlog.event_data.Image:*\\\\whoami.exe" in sysmon
    assert "winlog.event_data.NewProcessName" in texts["0", "security process_creation"]
    assert texts["1", ""] == "a.b:1"  # no pipeline knows it: the rule's own names


def test_a_correlation_goes_as_es_ql_and_is_refused_in_words_elsewhere(node: Node) -> None:  # noqa: F811
    esql = node.json("convert", "ssh_brute_force", "--to", "esql")["queries"]
    assert "from logs-*" in esql[0]["query"]
    assert "stats event_count=count()" in esql[0]["query"]
    said = node.run("convert", "ssh_brute_force", "--to", "lucene")
    assert said.code == 1
    assert "correlation" in said.err
    assert node.run("convert", "ssh_brute_force", "--to", "sql").code == 2
    assert "LT-R0305" in node.run("convert", "no_such_rule").err
