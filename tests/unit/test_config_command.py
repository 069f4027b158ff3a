"""luytre.toml's faults all at once and located, conf.d, and what a restart would change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from api.node import cli
from api.node.check import check
from api.node.config import changes
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_CONFIG, EXIT_USAGE, ConfigError

BAD = """\
[node]
exercise = 3
[apx]
a = 1
[store]
dayz = 4
days = "chim-hoang-yen"
kind = "elastic"
[log]
files = [
  { path = "/a.log" },
  { path = 3, formta = "x" },
  { format = "x" },
]
heartbeat_s = true
"""


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["config", *words])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_check_names_every_fault_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("LUYTRE_LANG", language)
    path = tmp_path / "luytre.toml"
    path.write_text(BAD, "utf-8")
    assert command("check", "--config", str(path)) == EXIT_CONFIG
    said = capsys.readouterr().err
    for where in ("2:1 (node.exercise)", "3:2 (apx)", "6:1 (store.dayz)", "7:1 (store.days)", "8:1 (store.kind)",
                  "12:15 (log.files[1].formta)", "12:5 (log.files[1].path)", "10:1 (log.files[2])",
                  "15:1 (log.heartbeat_s)"):  # fmt: skip
        assert f"{path}:{where}" in said, where
    assert "^^^^ " + ("có phải ý bạn là `days`?" if language == "vi" else "did you mean `days`?") in said
    assert "embedded, elasticsearch" in said
    assert ("chưa có gì thay đổi" if language == "vi" else "nothing has changed") in said
    assert "luytre explain LT-C0103" in said
    assert "chim-hoang-yen" not in said


def test_conf_d_is_read_in_order_and_faults_name_its_file(tmp_path: Path) -> None:
    path, more = tmp_path / "luytre.toml", tmp_path / "conf.d"
    more.mkdir()
    path.write_text('[node]\nagency = "a"\nname = "A"\n')
    (more / "20.toml").write_text('[node]\nagency = "c"\n')
    (more / "10.toml").write_text('[node]\nagency = "b"\nlanguage = "en"\n')
    config = Config(path, environ={})
    table = config.table("node", NodeTable)
    assert (table.agency, table.name, table.language) == ("c", "A", "en")
    assert config.files == [path, more / "10.toml", more / "20.toml"]
    (more / "20.toml").write_text("\n[node]\nagenci = 1\n")
    with pytest.raises(ConfigError) as error:
        check(Config(path, environ={}, refuse=False))
    assert str(error.value.problems[0].place).startswith(f"{more / '20.toml'}:3:1")


def test_explain_says_type_default_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "luytre.toml"
    path.write_text("[store]\ndays = 90\n")
    assert command("explain", "store.days", "--config", str(path)) == 0
    said = capsys.readouterr().out
    assert "int ≥ 1 ≤ 36500" in said
    assert "365" in said
    assert f"{path}:2:1" in said
    assert command("explain", "store.dayz", "--config", str(path)) == EXIT_USAGE
    assert "store.days" in capsys.readouterr().err


def test_diff_tells_what_a_restart_would_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "luytre.toml"
    path.write_text(f'[node]\ndata = "{tmp_path}"\n[store]\ndays = 90\n')
    Config(path).keep(tmp_path, "index")
    kept = tmp_path / "run" / "config" / "index.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert json.loads(kept.read_text())["pid"] == os.getpid()
    assert command("diff", "--config", str(path)) == 0
    path.write_text(f'[node]\ndata = "{tmp_path}"\n[store]\ndays = 30\n')
    capsys.readouterr()
    assert command("diff", "--json", "--config", str(path)) == 1
    assert json.loads(capsys.readouterr().out)["changes"] == [
        {"process": "index", "key": "store.days", "running": 90, "file": 30}
    ]


def test_changes_are_by_key() -> None:
    assert list(changes({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}})) == [("a.b", 1, 2), ("a.c", None, 3)]
    assert list(changes({}, {})) == []
