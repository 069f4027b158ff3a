"""luytre doctor: its JSON, exit codes and lines; a check that breaks; a bundle without secrets and names."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.node import cli
from api.node.checks import Check, Finding, Words, bad, note, ok, run
from api.node.checks._machine import Machine
from api.node.doctor_bundle import write
from api.node.doctor_run import Report, chosen, examine, show
from api.node.init import make_node
from sensors.clock import ManualClock
from sensors.errors import EXIT_DEGRADED, EXIT_FAILED, EXIT_OK, EXIT_USAGE

CANARIES = (
    "Nguyễn Thị Bí Mật", "bimat@so-yte.gov.vn", "10.77.66.55", "0912345678", "012345678901", "mat-khau-cua-toi",
    "k1Lx9Pq2Rt7Zz0Yw4Vn8Bm3C", "may-chu-bi-mat", "so-bi-mat", "aa:bb:cc:dd:ee:f1", "2001:db8::77",
)  # fmt: skip


def report(tmp_path: Path, *findings: Finding) -> Report:
    def look(_: Machine) -> Iterator[Finding]:
        yield from findings

    check = Check("LT-D0999", "machine", Words("Thử", "Trial"), Words("a", "b"), look)
    return examine(Machine(tmp_path / "luytre.toml", clock=ManualClock(1_795_000_000.0)), [check])


@pytest.mark.parametrize(("finding", "plain", "strict"), [
    (ok("a", "b"), EXIT_OK, EXIT_OK), (note("c", "a", "b", run("x")), EXIT_OK, EXIT_DEGRADED),
    (bad("c", "a", "b", run("x")), EXIT_FAILED, EXIT_FAILED),
])  # fmt: skip
def test_exit_codes(tmp_path: Path, finding: Finding, plain: int, strict: int) -> None:
    made = report(tmp_path, finding)
    assert (made.exit_code(), made.exit_code(strict=True)) == (plain, strict)


def test_json_has_a_version_and_all_that_people_see(tmp_path: Path) -> None:
    body = report(tmp_path, bad("cause", "xấu", "bad", run("mend"), measured=3)).json()
    assert body["schema_version"] == 1
    assert body["checks"] == [{
        "code": "LT-D0999", "group": "machine", "title": {"vi": "Thử", "en": "Trial"}, "verdict": "bad",
        "cause": "cause", "value": {"vi": "xấu", "en": "bad"}, "measured": {"measured": 3},
        "fixes": [{"vi": "", "en": "", "command": "mend"}],
    }]  # fmt: skip


def test_a_check_that_breaks_hides_no_other_and_shows_no_trace(tmp_path: Path) -> None:
    def broken(_: Machine) -> Iterator[Finding]:
        yield ok("a", "b")
        raise RuntimeError("mat-khau-cua-toi")

    check = Check("LT-D0998", "machine", Words("Thử", "Trial"), Words("a", "b"), broken)
    made = examine(Machine(tmp_path / "luytre.toml"), [check])
    assert [line.finding.cause for line in made.lines] == ["", "check-failed"]
    assert "mat-khau" not in json.dumps(made.json())


@pytest.mark.parametrize("width", [40, 80, 140])
def test_lines_fit_and_no_name_drives_the_terminal(tmp_path: Path, width: int) -> None:
    made = report(tmp_path, bad("c", "tệp \x1b[31m " + "từ " * 60, "file \x1b[31m " + "word " * 60, run("x")))
    for language in ("vi", "en"):
        text = show(made, language, width=width, plain=True)
        assert "\x1b" not in text
        assert "✖" not in text
        assert max(map(len, text.splitlines()[1:-1])) <= max(width, 60)


def test_an_unknown_check_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert chosen(["linc"])[1] == "linc → link?"
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--only", "LT-D9999"])
    assert ended.value.code == EXIT_USAGE


def test_a_bundle_lists_what_is_in_it_and_holds_no_secret_and_no_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    tables = {
        "node": {"data": str(data), "agency": "so-bi-mat", "name": "Nguyễn Thị Bí Mật", "observer": "may-chu-bi-mat"},
        "api": {"people": "127.0.0.1:0", "machines": "127.0.0.1:0"},
        "store": {"kind": "embedded", "password_file": "/x", "username": "mat-khau-cua-toi"},
        "probe": {"services": [{"id": "x", "target": "http://10.77.66.55/?token=k1Lx9Pq2Rt7Zz0Yw4Vn8Bm3C"}]},
    }
    path = make_node(tables, data / "luytre.toml")
    logs = data / "log"
    logs.mkdir()
    every = " | ".join(CANARIES)
    lines = [json.dumps({"process": "x", "event": every, "error": every, "user": every, "level": "error",
                         "time": "2026-11-22T08:23:05Z"}), every, f"Traceback: {every}"]  # fmt: skip
    (logs / "luytre-api.log").write_text("\n".join(lines), "utf-8")
    (data / "run").mkdir(exist_ok=True)
    (data / "run" / "ship.json").write_text(json.dumps({"name": "ship", "state": every, every: 1}))
    machine = Machine(path, seconds=0.0, environ={})
    made = examine(machine, chosen(["machine", "storage", "certificates"])[0])
    out = tmp_path / "bundle.tar.gz"
    listed = write(machine, made, out)
    assert out.stat().st_mode & 0o077 == 0
    with tarfile.open(out) as bundle:
        texts = {item.name.removeprefix("luytre-doctor/"): bundle.extractfile(item).read().decode()  # type: ignore[union-attr]
                 for item in bundle.getmembers()}  # fmt: skip
    assert set(texts) == set(listed)
    assert all(name in texts["README.txt"] for name in listed if name != "README.txt")
    private = (data / "keys" / "ca.key").read_text("ascii").splitlines()[1]
    for name, text in texts.items():
        for secret in (*CANARIES, private):
            assert secret.lower() not in text.lower(), f"{secret} in {name}"
