"""What `luytre upgrade` asks before it touches anything: doctor's word, and the release that the bundle follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.node.cli import main
from api.node.init import default_tables, make_node
from api.node.keeping import fit, release
from sensors.config import Config
from sensors.errors import LuytreError


@pytest.fixture
def config(tmp_path: Path) -> Config:
    tables = default_tables(tmp_path / "data", "so-y-te", "Sở Y tế", "agency")
    return Config(make_node(tables), environ={})


@pytest.mark.parametrize(
    ("running", "oldest", "good"),
    [
        ("0.1.0", "0.1.0", True),
        ("0.2.0", "0.1.0", True),
        ("0.10.0", "0.9.3", True),  # as numbers, not as text
        ("0.9.3", "0.10.0", False),
        ("0.1.9", "0.2.0", False),
        ("0.2.0rc1", "0.2.0", True),
        ("1", "1.0.1", False),
        ("0.1.0", "", True),
        ("", "0.1.0", False),
    ],
)
def test_a_bundle_upgrades_the_release_before_it_and_none_older(running: str, oldest: str, good: bool) -> None:
    if good:
        fit.follows(running, {"from": oldest})
    else:
        with pytest.raises(LuytreError, match="LT-N0556"):
            fit.follows(running, {"from": oldest})


def test_bundles_say_what_they_upgrade(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    (tmp_path / "luytre-0-py3-none-any.whl").write_bytes(b"x")
    path = release.pack(tmp_path, [tmp_path / "luytre-0-py3-none-any.whl"], key, version="9", schema="1")
    assert release.verify(path, release._public(key))["from"] == release.UPGRADES_FROM


def test_a_node_that_is_well_is_fit_and_a_damaged_database_is_not(config: Config) -> None:
    assert fit.faults(config) == []
    fit.refuse(config)
    data = config.path.parent
    with (data / "state" / "luytre.db").open("r+b") as file:
        file.seek(0)
        file.write(b"no database at all" * 300)
    with pytest.raises(LuytreError, match="LT-N0557") as told:
        fit.refuse(config)
    assert "LT-D0404" in str(told.value) or "LT-D04" in str(told.value)


def test_the_command_asks_doctor_before_anything(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit, "faults", lambda _: [("LT-D0404 hỏng", "LT-D0404 damaged")])
    monkeypatch.setattr(release, "verify", lambda *_: {"version": "9", "id": "9-x", "schema": "9", "files": {}})
    monkeypatch.setattr(release, "read_public", lambda _: b"")
    (tmp_path / "release.pub").write_text("x")
    words = ["upgrade", "--from", str(tmp_path / "b.ltb"), "--prefix", str(tmp_path / "opt"), "--release-key",
             str(tmp_path / "release.pub"), "--config", str(config.path)]  # fmt: skip
    for risk, code in (("", "LT-N0557"), ("no-backup", "LT-N0557"), ("doctor", "LT-N0548"),
                       ("no-backup, doctor", "LT-N0542")):  # fmt: skip
        with pytest.raises(SystemExit) as end:
            main([*words, "--accept-risk", risk])
        assert end.value.code, risk
        assert code in capsys.readouterr().err, risk
