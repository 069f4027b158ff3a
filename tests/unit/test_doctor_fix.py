"""`luytre doctor --fix`: shows first, takes rights away only, never through a link, never under a running node."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from api.node import cli, doctor_fix
from api.node.checks import versions
from api.node.checks._machine import Machine
from api.node.ownership import as_the_folder
from sensors.daemon import Daemon
from sensors.version import version


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name, mode in (("", 0o755), ("keys", 0o750), ("run", 0o755), ("journal", 0o2770), ("log", 0o755)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(mode)
    for name, mode in (("machine.key", 0o644), ("ca.pem", 0o644), ("audit.head", 0o640)):
        (folder / "keys" / name).write_text("x")
        (folder / "keys" / name).chmod(mode)
    (folder / "luytre.toml").write_text(f'[node]\ndata = "{folder}"\nagency = "so"\n', "utf-8")
    return folder


def machine(data: Path) -> Machine:
    return Machine(data / "luytre.toml")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def gone_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_the_preview_changes_nothing_and_yes_does_what_it_showed(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "run" / "index.json").write_text(json.dumps({"name": "index", "pid": gone_pid()}))
    words = ["doctor", "--fix", "--json", "--config", str(data / "luytre.toml")]

    def said(*more: str) -> dict[str, object]:
        with pytest.raises(SystemExit) as end:
            cli.main([*words, *more])
        assert end.value.code == 0
        return json.loads(capsys.readouterr().out)

    before = {path: path.lstat().st_mode for path in data.rglob("*")}
    shown = said()
    assert {path: path.lstat().st_mode for path in data.rglob("*")} == before
    assert [(Path(row["path"]).name, row["mode"]) for row in shown["acts"]] == [
        ("data", "0750"), ("keys", "0700"), ("run", "0750"),
        ("audit.head", "0600"), ("machine.key", "0600"), ("index.json", None),
    ]  # fmt: skip
    done = said("--yes")
    assert all(row["done"] for row in done["acts"])
    assert (mode(data), mode(data / "keys"), mode(data / "keys" / "machine.key")) == (0o750, 0o700, 0o600)
    assert mode(data / "keys" / "ca.pem") == 0o644, "a certificate is no secret"
    assert not (data / "run" / "index.json").exists()
    assert said()["acts"] == []


def test_run_files_of_a_running_node_stay(data: Path) -> None:
    (data / "run" / "index.json").write_text(json.dumps({"name": "index", "pid": gone_pid()}))
    (data / "run" / "supervisor.json").write_text(json.dumps({"pid": os.getpid()}))
    assert [act for act in doctor_fix.plan(machine(data)) if act.mode is None] == []


def test_a_link_is_never_followed(data: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.write_text("secret")
    away.chmod(0o644)
    acts = doctor_fix.plan(machine(data))
    key = data / "keys" / "machine.key"
    key.unlink()
    key.symlink_to(away)  # between the preview and the act
    (data / "keys" / "other.key").symlink_to(away)
    wrong = {act.path: why for act, why in doctor_fix.carry_out(acts)}
    assert wrong[key]
    assert mode(away) == 0o644
    assert doctor_fix.plan(machine(data)) == []


def test_an_old_version_that_runs_is_seen(tmp_path: Path, data: Path) -> None:
    Daemon("index", data).report({})
    assert json.loads((data / "run" / "index.json").read_text())["version"] == version()
    [found] = versions.look(machine(data))
    assert found.verdict == "ok"
    body = json.loads((data / "run" / "index.json").read_text()) | {"version": "0.0.9"}
    (data / "run" / "index.json").write_text(json.dumps(body))
    [found] = versions.look(machine(data))
    assert (found.cause, found.measured["running"]) == ("version-skew", {"index": "0.0.9"})


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_the_folder_s_owner(data: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.write_text("x")
    (data / "keys" / "node.pem").symlink_to(away)
    os.chown(data, 12_345, 12_346)
    as_the_folder(data, [data / "keys", *(data / "keys" / name for name in ("machine.key", "node.pem", "none"))])
    owners = {path.name: (path.lstat().st_uid, path.lstat().st_gid) for path in (data / "keys").iterdir()}
    assert owners["machine.key"] == owners["node.pem"] == (12_345, 12_346)
    assert owners["ca.pem"] == (0, 0)
    assert away.stat().st_uid == 0, "where a link leads stays as it is"
