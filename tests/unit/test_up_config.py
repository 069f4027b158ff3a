"""Which node `luytre up` starts: what is named, then LUYTRE_CONFIG, then the usual folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.node.up import config_path, default_data


def test_the_named_one_then_the_environment_then_the_usual(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LUYTRE_CONFIG", str(tmp_path / "mine.toml"))
    assert config_path(None, None) == tmp_path / "mine.toml"
    assert config_path(None, tmp_path / "other") == tmp_path / "other" / "luytre.toml"
    assert config_path(tmp_path / "given.toml", tmp_path / "other") == tmp_path / "given.toml"
    monkeypatch.delenv("LUYTRE_CONFIG")
    assert config_path(None, None) == (default_data() / "luytre.toml").resolve()
