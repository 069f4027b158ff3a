"""`luytre install` and `uninstall` in a scratch root: exactly what was put there goes, whatever was killed between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from api.node.keeping import installed
from api.node.keeping.installed import Plan, install, record_of, steps, uninstall
from sensors.errors import LuytreError


def everything(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd/system/other.service").write_text("[Unit]\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return Plan(Path("/srv/luytre"), "giamsat", Path("/opt/luytre"), tmp_path)


def test_units_name_this_machines_user_paths_and_only_the_packet_unit_may_capture(plan: Plan) -> None:
    units = dict(installed.units(plan))
    assert {"luytre-api.service", "luytre-packet.service", "luytre.target"} <= set(units)
    for name, text in units.items():
        if name.endswith(".service"):
            assert "User=giamsat\nGroup=giamsat\n" in text
            assert "ExecStart=/opt/luytre/current/bin/luytre-" in text
            assert "LUYTRE_CONFIG=/srv/luytre/luytre.toml" in text
            assert "ReadWritePaths=/srv/luytre\n" in text
            assert "StateDirectory" not in text
            assert ("CAP_NET_RAW" in text) == (name == "luytre-packet.service")
    ordinary = dict(installed.units(plan._replace(data=Path("/var/lib/luytre"))))
    assert "StateDirectory=luytre\n" in ordinary["luytre-api.service"]


def test_purge_leaves_the_machine_as_it_was(plan: Plan) -> None:
    before = everything(plan.root)
    install(plan)
    (plan.at(plan.data) / "state").mkdir()
    (plan.at(plan.data) / "state" / "luytre.db").write_text("rows")
    plan.at(plan.prefix).mkdir(parents=True)
    removed, remains = uninstall(plan, purge=True)
    assert everything(plan.root) == before
    assert "/srv/luytre" in removed
    assert remains == []
    assert not plan.at(plan.data).exists()
    assert not plan.at(plan.prefix).exists()


def test_keep_data_keeps_data_program_and_user_and_says_so(plan: Plan) -> None:
    install(plan)
    (plan.at(plan.data) / "luytre.toml").write_text("")
    plan.at(plan.prefix).mkdir(parents=True)
    removed, remains = uninstall(plan, purge=False)
    assert (plan.at(plan.data) / "luytre.toml").exists()
    assert set(remains) == {"/srv/luytre", "giamsat", "/opt/luytre"}
    assert "/etc/systemd/system/luytre-api.service" in removed
    install(plan)  # and it can be installed again over what remained
    assert plan.at("/etc/systemd/system/luytre-api.service").exists()
    uninstall(plan, purge=True)
    assert not plan.at(plan.data).exists()


def test_what_was_there_before_is_not_ours_to_remove(plan: Plan) -> None:
    plan.at(plan.data).mkdir(parents=True)
    (plan.at(plan.data) / "theirs").write_text("x")
    link = plan.at("/usr/local/bin/luytre")
    link.parent.mkdir(parents=True)
    link.write_text("another program")
    install(plan)
    _, remains = uninstall(plan, purge=True)
    assert (plan.at(plan.data) / "theirs").read_text() == "x"
    assert link.read_text() == "another program"
    assert set(remains) == {"/srv/luytre", "/usr/local/bin/luytre"}


@pytest.mark.parametrize("act", ["install", "uninstall"])
def test_killed_after_any_step_it_goes_on_where_it_was(plan: Plan, act: str) -> None:
    before = everything(plan.root)
    for after in range(len(steps(plan)) + 2):
        if act == "uninstall":
            install(plan)
        pid = os.fork()
        if pid == 0:
            left = [after]
            name = "_do" if act == "install" else "_undo"
            whole = getattr(installed, name)

            def step(*words: object, whole=whole, left=left) -> None:
                if left[0] <= 0:
                    os._exit(9)
                left[0] -= 1
                whole(*words)

            setattr(installed, name, step)
            try:
                if act == "install":
                    install(plan)
                else:
                    uninstall(plan, purge=True)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        if act == "install":
            install(plan)
            assert len(record_of(plan.root)["steps"]) == len(steps(plan))
        uninstall(plan, purge=True)
        assert everything(plan.root) == before, after


@pytest.mark.parametrize("bad", [{"user": "root; rm"}, {"data": Path("relative")}, {"data": Path("/a\nUser=root")},
                                 {"prefix": Path("/opt/%h")}])  # fmt: skip
def test_what_would_break_out_of_a_unit_is_refused(plan: Plan, bad: dict) -> None:
    with pytest.raises(LuytreError):
        install(plan._replace(**bad))
    assert not plan.at(installed.RECORD).exists()
