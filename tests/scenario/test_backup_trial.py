"""`backup verify` asks a real API over what it put back whether people could log in, and nobody outside hears of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from api.node.cli import main
from api.node.init import default_tables, make_node
from api.node.keeping import trial
from api.node.keeping.make import create
from api.node.keeping.prove import prove
from api.node.keeping.sealed import Key
from sensors.config import Config

PHRASE = "cụm mật khẩu dùng để thử"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node with a centre above it: whoever starts its jobs would be heard there."""
    tables = default_tables(tmp_path / "luytre", "so-y-te", "Sở Y tế", "agency")
    tables["api"] = {"people": "127.0.0.1:0", "machines": "127.0.0.1:0"}
    with socket.create_server(("127.0.0.1", 0)) as centre:
        tables["federation"] = {"upstream": f"https://127.0.0.1:{centre.getsockname()[1]}", "poll_s": 0.2}
    make_node(tables)
    return tmp_path / "luytre"


def test_verify_says_that_the_log_in_page_answers_and_calls_nobody(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config(home / "luytre.toml", environ={})
    port = int(str(config.raw["federation"]["upstream"]).rpartition(":")[2])
    made = create(config, tmp_path / "out", Key(passphrase=PHRASE.encode()))
    (tmp_path / "key").write_text(PHRASE + "\n")
    with socket.create_server(("127.0.0.1", port)) as centre:
        centre.setblocking(False)
        with pytest.raises(SystemExit) as end:
            main(["backup", "verify", str(made.path), "--key", str(tmp_path / "key"), "--json",
                  "--scratch", str(tmp_path), "--config", str(home / "luytre.toml")])  # fmt: skip
        assert not end.value.code, capsys.readouterr().err
        with pytest.raises(BlockingIOError):
            centre.accept()
    said = json.loads(capsys.readouterr().out)
    assert said["good"] is True
    assert said["served"] is True
    assert not list(tmp_path.glob("luytre-verify-*"))


def test_an_api_that_cannot_start_is_a_fault_of_the_backup(home: Path) -> None:
    (home / "state" / "luytre.db").write_bytes(b"no database" * 1000)
    [fault] = trial.ask(home)
    assert fault.startswith("api:")


def test_without_serve_none_is_started(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create(Config(home / "luytre.toml", environ={}), tmp_path / "out", Key(passphrase=PHRASE.encode()))
    monkeypatch.setattr(trial, "ask", lambda at: pytest.fail("it was started"))
    proof = prove(made.path, Key(passphrase=PHRASE.encode()), tmp_path)
    assert proof.good
    assert not proof.served


@pytest.mark.parametrize(
    "act",
    [
        "socket.socket().connect(('192.0.2.1', 9))",
        "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 9))",
        "socket.create_connection(('centre.test', 9))",
    ],
)
def test_a_trial_cannot_leave_the_machine(act: str) -> None:
    code = f"import socket\nfrom api.node.keeping.trial import _stay_here\n_stay_here()\n{act}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "PermissionError: a trial" in done.stderr
