"""What somebody who never saw the program is told: the examples in luytre.toml, the missing right, a line explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.node import programs
from api.node.init import NOTES, default_tables, toml
from sensors import cli
from sensors.config import Config, Table
from sensors.roles.log import LogTable
from sensors.roles.packet import PacketTable


@pytest.mark.parametrize(("name", "table"), [("log", LogTable), ("packet", PacketTable)])
def test_the_examples_in_luytre_toml_are_accepted(tmp_path: Path, name: str, table: type[Table]) -> None:
    path = tmp_path / "luytre.toml"
    path.write_text(f"[{name}]\n" + NOTES[name][0].replace("; ", "\n"), "utf-8")
    assert Config(path).table(name, table) != table()


def test_a_new_configuration_says_what_may_stand_in_it(tmp_path: Path) -> None:
    path = tmp_path / "luytre.toml"
    path.write_text(toml(default_tables(tmp_path, "local", "", "agency")), "utf-8")
    for name in NOTES:
        assert name in Config(path).raw


def test_the_missing_right_is_given_to_this_node_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "luytre.toml"
    path.write_text('[packet]\ninterfaces = ["eth0"]\n', "utf-8")
    monkeypatch.setattr(programs, "may_capture", lambda: False)
    said = programs.lacking(Config(path)) or ""
    assert "setpriv" in said
    assert str(path) in said
    assert "setcap" not in said


def test_explain_reads_the_lines_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mail.log"
    line = "Nov 22 09:12:00 mail postfix/a-name/smtpd[88]: connect from unknown[203.0.113.9]\n"
    path.write_text(line * 2, "utf-8")
    assert cli.main(["explain", str(path)]) == 0
    assert capsys.readouterr().out.count("result: postfix.mail") == 2
