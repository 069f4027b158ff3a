"""`luytre rules …` at a node: what is printed, what is written, how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.node.cli import main
from correlator import tuning
from correlator.store import open_writer
from correlator.store.indexer import StreamIndexer
from sensors.clock import rfc3339
from sensors.config import Config
from sensors.errors import EXIT_DEGRADED, EXIT_USAGE

NOON = 1_795_000_000.0
GUESSING = "c5d73062-c77c-4f32-a150-b986ce5f39d6"
NOTE = "# ghi chú của phòng CNTT\n"


class Ended(Exception):
    """How the command ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        super().__init__(code, out, err)
        self.code, self.out, self.err = code, out, err


class Node:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.path = folder / "luytre.toml"
        self.path.write_text(f'[node]\ndata = "{folder}"\nagency = "so-tttt"\n')
        self.rules = folder / "rules"
        self.rules.mkdir()

    def run(self, *words: str, config: bool = True) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(["rules", *words, *(["--config", str(self.path)] if config else [])])
        said = self._capsys.readouterr()
        return Ended(ended.value.code if isinstance(ended.value.code, int) else 0, said.out, said.err)

    def json(self, *words: str, config: bool = True) -> Any:
        return json.loads(self.run(*words, "--json", config=config).out)

    def store(self, events: list[dict[str, Any]]) -> None:
        writer = open_writer(Config(self.path))
        assert {one.status for one in writer.append(events)} == {201}
        writer.close()
        index = StreamIndexer(self.folder / "journal" / "events", self.folder / "index" / "events",
                              heap_bytes=15_000_000)  # fmt: skip
        while index.step():
            pass
        index.flush()
        index.close()


@pytest.fixture
def node(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setenv("LUYTRE_LANG", "en")
    monkeypatch.delenv("LUYTRE_CONFIG", raising=False)
    return Node(tmp_path, capsys)


def guess(number: int, at: float, agency: str = "so-tttt", source: str = "203.0.113.7") -> dict[str, Any]:
    return {"@timestamp": rfc3339(at), "event": {"id": f"{agency}-{at}-{number}", "dataset": "system.auth",
            "category": ["authentication"], "outcome": "failure", "action": "ssh_login"}, "process": {"name": "sshd"},
            "source": {"ip": source}, "host": {"name": "web-1"}, "user": {"name": "root"},
            "organization": {"id": agency}}  # fmt: skip


def test_backtest_shows_days_entities_and_samples_of_this_agency_alone(node: Node) -> None:
    node.store([guess(n, NOON + n) for n in range(60)]
               + [guess(n, NOON + n, "so-khac", "203.0.113.99") for n in range(60)])  # fmt: skip
    words = ("backtest", GUESSING, "--days", "2", "--until", rfc3339(NOON + 3600))
    said = node.run(*words)
    assert said.code == 0
    assert "█" in said.out
    assert "203.0.113.7" in said.out
    assert "203.0.113.99" not in said.out
    assert "hits, 1 alerts" in said.out
    found = node.json(*words)
    assert found["schema_version"] == 1
    assert found["hits"] == sum(found["by_day"].values()) >= 1
    assert found["stored"] == 60
    assert found["samples"][0]["event"]["organization"]["id"] == "so-tttt"
    cut = node.run(*words, "--events", "1")
    assert cut.code == EXIT_DEGRADED
    assert "Not all" in cut.out


def test_backtest_of_a_file_that_is_not_installed_and_of_nothing(node: Node, tmp_path: Path) -> None:
    node.store([guess(n, NOON + n) for n in range(3)])
    draft = tmp_path / "draft_rule.yml"
    draft.write_text("title: Any failure\nid: 7c1f0b7e-8c43-4a54-9d0d-0d3d3c0a8a11\nlevel: low\n"
                     "logsource: {product: luytre, service: system.auth}\n"
                     "detection: {sel: {event.outcome: failure}, condition: sel}\n")  # fmt: skip
    assert node.json("backtest", str(draft), "--until", rfc3339(NOON + 60))["hits"] == 3
    unknown = node.run("backtest", "ssh_brute_forc")
    assert unknown.code == EXIT_USAGE
    assert "LT-R0305" in unknown.err
    assert node.run("backtest", GUESSING, "--until", "yesterday").code == EXIT_USAGE
    alone = node.run("backtest", GUESSING, config=False)
    assert (alone.code, "LT-R0302" in alone.err) == (EXIT_USAGE, True)
    draft.write_text("title: [")
    broken = node.run("backtest", str(draft))
    assert broken.code == EXIT_USAGE
    assert f"{draft}:" in broken.err


def test_what_strangers_wrote_does_not_drive_the_terminal(node: Node, tmp_path: Path) -> None:
    odd = {**guess(1, NOON), "user": {"name": "root\x1b]0;x\x07\n2026-11-18  99\u202e"}}
    node.store([odd])
    draft = tmp_path / "draft_rule.yml"
    draft.write_text('title: "Any \\e[2J failure"\nid: 7c1f0b7e-8c43-4a54-9d0d-0d3d3c0a8a11\nlevel: low\n'
                     "logsource: {product: luytre, service: system.auth}\n"
                     "detection: {sel: {event.outcome: failure}, condition: sel}\n")  # fmt: skip
    for words in (("backtest", str(draft), "--until", rfc3339(NOON + 60)), ("list", str(draft)), ("test", str(draft)),
                  ("diff", str(draft), str(draft.parent / "rules")), ("lint", str(draft), "--no-sigma")):  # fmt: skip
        said = node.run(*words)
        assert not set(said.out + said.err) & set("\x1b\x07\u202e"), words
        assert "\n2026-11-18  99" not in said.out
        assert said.out


def tune(node: Node, rule: str, *words: str) -> Ended:
    return node.run("tune", rule, *words, "--reason", 'máy quét "đêm"\\ của Sở', "--owner", "lan", "--until", later())


def later() -> str:
    import datetime as dt

    return (dt.datetime.now(tuning.ZONE).date() + dt.timedelta(days=30)).isoformat()


def test_tune_writes_one_table_and_leaves_the_rest_as_it_stands(node: Node) -> None:
    path = node.rules / "tuning.toml"
    assert tune(node, GUESSING, "--level", "low").code == 0
    other = f'["x-1"]\nenabled = false # vì\nreason = "r"\nowner = "o"\nuntil = {later()}\n'
    path.write_text(NOTE + path.read_text() + "\n" + NOTE + other)
    assert tune(node, GUESSING, "--off").code == 0
    text = path.read_text()
    assert text.count(NOTE) == 2
    assert text.count(GUESSING) == 1
    assert "enabled = false # vì" in text
    found = tuning.read(path, NOON)
    assert found.entries[GUESSING].reason == 'máy quét "đêm"\\ của Sở'
    listed = node.json("list")
    assert [one["id"] for one in listed["rules"] if one["state"] == "disabled"] == [GUESSING]
    assert [one["code"] for one in listed["tuning"]["faults"]] == ["LT-R0403"]
    said = node.run("list")
    assert "(off)" in said.out
    assert "LT-R0403: x-1" in said.err
    assert node.run("tune", GUESSING, "--as-shipped").code == 0
    assert node.run("tune", "x-1", "--as-shipped").code == 0  # a rule that is no longer there
    assert tuning.read(path, NOON).entries == {}
    assert path.read_text().count(NOTE) == 2


@pytest.mark.parametrize("words", [
    ("--off",), ("--level", "urgent"), (), ("--off", "--until", "2099-01-01"), ("--off", "--until", "soon"),
])  # fmt: skip
def test_a_tuning_without_reason_owner_or_end_is_not_written(words: tuple[str, ...], node: Node) -> None:
    given = () if words == ("--off",) else ("--reason", "a", "--owner", "b")
    said = node.run("tune", GUESSING, *words, *given, *(() if "--until" in words else ("--until", later())))
    assert said.code == 1
    assert "LT-R0402" in said.err
    assert not (node.rules / "tuning.toml").exists()
    (node.rules / "tuning.toml").write_text("[[[")
    broken = tune(node, GUESSING, "--off")
    assert (broken.code, "LT-R0401" in broken.err) == (1, True)
    assert (node.rules / "tuning.toml").read_text() == "[[["


def test_test_and_list_speak_to_programs_too(node: Node) -> None:
    shipped = Path(__file__).resolve().parents[2] / "rules" / "network" / "telnet_from_outside.yml"
    assert node.json("test", str(shipped), config=False)["failed"] == []
    assert node.json("list", str(shipped), config=False)["rules"][0]["level"] == "high"
