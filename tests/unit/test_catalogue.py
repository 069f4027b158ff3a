"""Every code and every key of the configuration is explained in both languages, and nothing that does not exist is."""

from __future__ import annotations

import re

import pytest

from api.node import cli
from api.node.catalogue import in_program, pages
from api.node.checks import GROUPS, all_checks
from api.node.config_keys import explained, keys
from sensors.errors import EXIT_FAILED

VIETNAMESE = re.compile(r"[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]", re.IGNORECASE)


def test_every_code_is_explained() -> None:
    assert sorted(in_program() - set(pages())) == []


def test_nothing_is_explained_that_is_not_there() -> None:
    assert sorted(set(pages()) - in_program()) == []


def test_each_page_speaks_both_languages() -> None:
    for page in pages().values():
        assert VIETNAMESE.search(page.cause.vi), page.code
        for words in (page.cause, page.act):
            assert words.vi
            assert words.en
            assert not VIETNAMESE.search(words.en.replace("Lũy Tre", "").replace("DIỄN TẬP", "")), page.code
            assert "!" not in words.vi + words.en


def test_each_key_is_explained() -> None:
    known = keys()
    lists = {path for path in known if any(other.startswith(path + ".") for other in known)}
    assert [path for path, key in known.items() if key.about is None and path not in lists] == []
    assert sorted(set(explained()) - set(known)) == []


def test_checks_have_codes_of_their_own_and_known_groups() -> None:
    checks = all_checks()
    assert len({check.code for check in checks}) == len(checks)
    for check in checks:
        assert re.fullmatch(r"LT-D(0[1-9]|1[01])\d\d", check.code)
        assert check.group in GROUPS


def test_explain_prints_a_page_and_refuses_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUYTRE_LANG", "vi")
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain", "c0104"])
    assert ended.value.code in (0, None)
    assert "Nguyên nhân" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        cli.main(["explain", "LT-C0140"])
    assert ended.value.code == EXIT_FAILED
    assert "LT-N0302" in capsys.readouterr().err
