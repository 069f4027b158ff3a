"""`luytre-correlator scan` and `bench`: what measurements and people rely on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from correlator.peer import peak_mb, weighed

RULE = """title: Path traversal
id: 81111111-2222-4333-8444-555555555555
level: high
logsource: {category: webserver}
detection: {sel: {cs-uri-query|contains: "../"}, condition: sel}
tags: [attack.t1190]
luytre: {reason: {vi: "{source.ip} dò tệp", en: "{source.ip} looks for files"}, group_by: [source.ip]}
---
title: One request
id: 81111111-2222-4333-8444-555555555556
name: one_request
logsource: {category: webserver}
detection: {sel: {source.ip: "*"}, condition: sel}
---
title: Many requests
id: 81111111-2222-4333-8444-555555555557
level: low
correlation: {type: event_count, rules: [one_request], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
"""


def web(second: int, query: str = "a=1", ip: str = "203.0.113.5") -> dict[str, Any]:
    return {"@timestamp": f"2026-01-01T00:00:{second:02}Z", "event": {"dataset": "nginx.access"},
            "source": {"ip": ip}, "url": {"query": query}, "user": {"name": "lan"}}  # fmt: skip


def command(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    return subprocess.run([sys.executable, "-m", "correlator.cli", *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False, env=environ)  # fmt: skip


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules_under_test.yml"
    path.write_text(RULE)
    return path


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_each_file_stands_alone_and_alerts_name_it(rules: Path, tmp_path: Path) -> None:
    one = write(tmp_path / "one.ndjson", [web(1), web(2, "f=../../etc/passwd")])
    two = write(tmp_path / "two.jsonl", [web(3), web(4), web(5)])
    done = command("scan", "--rules", rules, one, two)
    assert done.returncode == 0, done.stderr
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["rule"]["uuid"].endswith("5555")
    assert first["rule"]["name"] == "Path traversal"
    assert first["log"]["file"]["path"] == str(one)
    assert first["luytre"]["alert"]["level"] == "high"
    assert first["luytre"]["alert"]["event_count"] == 1
    assert first["luytre"]["alert"]["reason"]["vi"] == "203.0.113.5 dò tệp"
    assert first["threat"]["technique"]["id"] == ["T1190"]
    assert first["event"]["severity"] == 73
    assert (second["rule"]["name"], second["luytre"]["alert"]["event_count"]) == ("Many requests", 3)
    assert second["source"]["ip"] == "203.0.113.5"
    assert second["user"]["name"] == "lan"
    assert second["@timestamp"] == "2026-01-01T00:00:05Z"


def test_entities_are_named_only_where_events_agree(rules: Path, tmp_path: Path) -> None:
    events = [web(1), web(2), web(3)]
    events[1]["user"]["name"] = "minh"
    done = command("scan", "--rules", rules, write(tmp_path / "a.ndjson", events))
    assert "user" not in json.loads(done.stdout)


def test_windows_events_as_json_are_understood(tmp_path: Path) -> None:
    rule = tmp_path / "windows_rule.yml"
    rule.write_text("""title: whoami
id: 81111111-2222-4333-8444-555555555558
logsource: {product: windows, category: process_creation}
detection: {sel: {Image|endswith: '\\whoami.exe', IntegrityLevel: High}, condition: sel}
""")
    image = "C:\\Windows\\System32\\whoami.exe"
    tree = {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 1,
                                 "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "pc",
                                 "TimeCreated": {"#attributes": {"SystemTime": "2026-01-01T00:00:00Z"}}},
                      "EventData": {"Image": image, "IntegrityLevel": "High"}}}  # fmt: skip
    flat = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Image": image, "Hostname": "pc",
            "IntegrityLevel": "High", "EventTime": "2026-01-01 00:00:00"}  # fmt: skip
    audit = {"EventID": "4688", "Channel": "Security", "NewProcessName": image, "MandatoryLabel": "S-1-16-12288",
             "EventTime": "2026-01-01 00:00:00"}  # fmt: skip
    pretty = tmp_path / "tree.json"
    pretty.write_text(json.dumps(tree, indent=1))
    done = command("scan", "--rules", rule, pretty, write(tmp_path / "b.jsonl", [flat, audit]))
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(alert["log"]["file"]["path"]).name for alert in alerts] == ["tree.json", "b.jsonl", "b.jsonl"]
    assert alerts[0]["host"]["name"] == "pc"


def test_text_logs_go_through_the_sensors_and_a_bad_rule_does_not_stop_the_others(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "broken_rule.yml").write_text("title: [")
    log = tmp_path / "access.log"
    log.write_text(
        '203.0.113.5 - - [01/Jan/2026:00:00:01 +0000] "GET /x?f=../../etc/passwd HTTP/1.1" 404 1 "-" "curl"\n'
    )
    done = command("scan", "--rules", tmp_path, log)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rule"]["name"] == "Path traversal"
    assert "broken_rule.yml:2: LT-R0200" in done.stderr


def test_nothing_readable_is_a_failure_and_garbage_is_not_a_crash(rules: Path, tmp_path: Path) -> None:
    assert command("scan", "--rules", rules, tmp_path / "missing.log").returncode == 1
    garbage = tmp_path / "garbage.json"
    garbage.write_bytes(b'{"a": ' * 5000)
    assert "Traceback" not in command("scan", "--rules", rules, garbage).stderr


def test_bench_ends_with_one_json_object(rules: Path, tmp_path: Path) -> None:
    done = command("bench", "--rules", rules, write(tmp_path / "one.ndjson", [web(1), web(2)]), "--repeat", "3")
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == {"rules", "events", "matches", "cpu_s", "events_per_s", "without_decode_per_s", "load_s",
                            "load_warm_s", "rss_mb"}  # fmt: skip
    assert (figures["rules"], figures["events"]) == (3, 6)


def test_bench_of_lines_says_more_and_weighs_rsigma_where_it_is(rules: Path, tmp_path: Path) -> None:
    """A program in RSigma's place: what it is given, and that its matches are counted."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "rsigma"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo rsigma 9.9; exit; }\n'
        f"cp \"$(echo $6 | cut -c2-)\" {tmp_path}/given\nls $4 > {tmp_path}/rules_given\necho '{{}}' > $8\n"
    )
    program.chmod(0o755)
    process = {"event": {"dataset": "windows.sysmon"}, "@timestamp": "2026-01-01T00:00:00Z",
               "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1", "provider_name": "P",
                          "event_data": {"Image": "a.exe"}}}  # fmt: skip
    events = write(tmp_path / "one.ndjson", [web(1), process, web(2)])
    words = ("bench", "--rules", rules, "--lines", "--rsigma", "--cache", tmp_path / "cache", events)
    done = command(*words, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == {"rules", "events", "matches", "cpu_s", "events_per_s", "without_decode_per_s", "load_s",
                            "rss_mb", "steady_per_s", "remembered", "rsigma"}  # fmt: skip
    assert (figures["events"], figures["matches"]) == (3, 2)
    theirs = figures["rsigma"]
    assert (theirs["version"], theirs["events"], theirs["matches"]) == ("rsigma 9.9", 1, 1)
    given = json.loads((tmp_path / "given").read_text())
    assert (given["Image"], given["product"], given["category"]) == ("a.exe", "windows", "process_creation")
    assert (tmp_path / "rules_given").read_text() == "00000.yml\n"
    assert (tmp_path / "cache" / "rules").exists()


def test_a_process_is_weighed_without_what_its_parent_holds() -> None:
    held = bytearray(200 * 1024 * 1024)
    held[::4096] = b"x" * (len(held) // 4096)
    cpu_s, most_mb = weighed([sys.executable, "-c", "x = bytearray(30 << 20); x[::4096] = b'y' * (len(x) // 4096)"])
    assert cpu_s > 0
    assert 0 < most_mb < 100 < peak_mb(os.getpid())
    with pytest.raises(RuntimeError, match="no such thing"):
        weighed([sys.executable, "-c", "raise SystemExit('no such thing')"])
