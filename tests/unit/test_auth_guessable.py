"""Which passwords are refused: by rule, and by the operator's list of breached ones."""

from __future__ import annotations

import hashlib
import random
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.auth import passwords, refused_list
from api.auth.guessable import guessable, written
from api.node.check import refused_passwords
from sensors.config import Config
from sensors.errors import ConfigError
from tests.servers.people_port import PASSWORD, Browser, make_node

LAN = ("nguyenthilan", "Nguyễn Thị Lan", "ubnd-hue", "UBND thành phố Huế")
PHRASES = "tre già măng mọc con trâu đi trước cái cày theo sau thuyền về có nhớ bến chăng đêm nay rừng hoang sương"
WORDS = PHRASES.split(" ")

BAD = [
    "matkhau123456789", "Mật khẩu của tôi", "m4tkh4u@2024!!!!", "maatjkhaaur123456", "maajtkhaaru12345",
    "ma65tkha63u12345", "passwordpassword123", "P@ssw0rdP@ssw0rd", "Administrator2024!!", "quantrivien@2026",
    "qwertyuiopasdfgh", "1qaz2wsx3edc4rfv", "abcdefghijklmnop", "123456789012345", "!@#$%^&*()!@#$%^&*()",
    "aaaaaaaaaaaaaaaaaaaa", "x7" * 32, "hoamaihoamaihoamai", "tretretretretretre", "Vietnam@19750430",
    "HaNoi-1010-HaNoi", "14/02/1990 14/02/1990", "anhyeuemnhieulam", "correcthorsebatterystaple", "nguyenthilan2026!",
    "LanNguyen301290!!", "UbndHue@2025!!!!", "Nguyễn Thị Lan 0912345678", "ubnd-hue ubnd-hue ubnd-hue",
]  # fmt: skip
GOOD = [
    "tre già măng mọc 1954", "hàng tre xanh bát ngát nghìn trùng " * 2, "một mật khẩu khác hẳn 2026",
    "xe dap mau do truoc cong truong", "kG7#pLw2!vRt9$zQ", "Lan thích chè hạt sen nấu đường phèn",
]  # fmt: skip


@pytest.mark.parametrize("password", BAD)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert passwords.weakness(password, *LAN) == ("Mật khẩu quá dễ đoán.", "The password is too easy to guess.")


@pytest.mark.parametrize("password", GOOD)
def test_a_phrase_is_taken(password: str) -> None:
    assert passwords.weakness(password, *LAN) is None


@pytest.mark.parametrize("password", ["mười bốn ký tự", "a" * 257])
def test_too_short_or_too_long(password: str) -> None:
    assert passwords.weakness(password, *LAN) is not None


def test_a_word_is_known_in_the_ways_it_is_typed() -> None:
    assert {"mậtkhẩu", "matkhau", "maatjkhaaur", "maajtkhaaru", "ma65tkha63u", "mat65khau63"} <= written("mật khẩu")
    assert {"đànẵng", "danang", "ddafnawxng", "d9a2na84ng"} <= written("đà nẵng")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=6, max_size=8, unique=True))
def test_phrases_of_six_words_are_taken(words: list[str]) -> None:
    assert not guessable(" ".join(words), LAN)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=256), st.lists(st.text(max_size=64), max_size=4))
def test_any_text_is_judged(password: str, context: list[str]) -> None:
    assert guessable(password, context) in (True, False)


def test_what_a_password_manager_makes_is_taken() -> None:
    chance = random.Random(7)
    every = string.ascii_letters + string.digits + "!#$%&*+-=?@^_"
    refused = [text for text in ("".join(chance.choices(every, k=16)) for _ in range(300)) if guessable(text, LAN)]
    assert refused == []


# --- the operator's list --------------------------------------------------------------------------------------------

BREACHED = [f"mật khẩu bị lộ số {number}" for number in range(2_000)]


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest().upper()


@pytest.fixture
def hashes(tmp_path: Path) -> Path:
    path = tmp_path / "pwned.txt"
    lines = sorted(_sha1(text) for text in BREACHED)
    path.write_text("".join(f"{line}:{at % 7 + 1}\r\n" for at, line in enumerate(lines)), "ascii")
    return path


def test_every_hash_is_found_and_no_other(hashes: Path) -> None:
    refused_list.check(hashes)
    assert all(refused_list.listed(hashes, text) for text in BREACHED)
    assert not any(refused_list.listed(hashes, f"{text}!") for text in BREACHED[:500])


def test_one_line_and_lower_case(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text(_sha1("tre xanh").lower(), "ascii")
    assert refused_list.listed(path, "tre xanh")
    assert not refused_list.listed(path, "tre vàng")


def test_a_lookup_reads_a_few_lines_only(hashes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    inner = refused_list._after

    def counted(file, size, start):
        reads.append(start)
        return inner(file, size, start)

    monkeypatch.setattr(refused_list, "_after", counted)
    refused_list.listed(hashes, "không có trong đó")
    assert len(reads) < 25, "halving, not reading through"


def test_plain_passwords_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_bytes(
        "b\r\nTre Già Măng Mọc 1954\n\xffa\n".encode("latin-1", "ignore") + "tre già măng mọc 1954\n".encode()
    )
    refused_list.check(path)
    assert refused_list.listed(path, "TRE GIÀ MĂNG MỌC 1954")
    assert not refused_list.listed(path, "tre già măng mọc 1955")


def test_a_list_that_cannot_be_used_lets_nothing_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_list, "PLAIN_BYTES", 1_000)
    unsorted = "".join(_sha1(text) + "\n" for text in BREACHED)
    for name, content in (
        ("empty", ""),
        ("large", "x\n" * 600),
        ("unsorted", unsorted),
        ("mixed", _sha1("a") + "\nabc\n" * 99),
    ):
        path = tmp_path / name
        path.write_text(content, "utf-8")
        with pytest.raises(refused_list.Unusable):
            refused_list.check(path)
        (tmp_path / "luytre.toml").write_text(f'[api]\nrefused_passwords = "{path}"\n', "utf-8")
        with pytest.raises(ConfigError, match="LT-C0112"):
            refused_passwords(Config(tmp_path / "luytre.toml", environ={}))
    missing = passwords.weakness(PASSWORD, refused=str(tmp_path / "none"))
    assert missing is not None
    assert "could not be checked" in missing[1]


def test_the_route_refuses_what_is_listed(tmp_path: Path) -> None:
    from api.config import ApiTable

    path = tmp_path / "plain.txt"
    path.write_text("cây đa bến nước sân đình\n", "utf-8")
    with make_node(tmp_path, api=ApiTable(second_factor="none", refused_passwords=str(path))) as node:
        browser = Browser(node).link(node.add_user("lan"))
        answer = browser.send("POST", "/session/password", {"new": "cây đa bến nước sân đình"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["message"] == "Mật khẩu này đã bị lộ ở nơi khác."
        assert browser.send("POST", "/session/password", {"new": PASSWORD}).status_code == 204
