"""Passwords that are guessed first, by rule: what an attacker of this country would put together.

In:  a password, and words that belong to the person (user name, name, agency, node). Out: whether little is left of it
     once everything that is guessed is taken away. No list is shipped: the words below are written in the ways people
     type them (without marks, as Telex and VNI keystrokes, letters as figures), so "matkhau", "maatjkhaaru", "m4tkh4u"
     are one word. Breached passwords: `[api] refused_passwords` (refused_list.py).
How:  words of the person and common words, years and dates, runs along the keyboard or the alphabet and repetitions are
     one unit each, every other character is one; below LEAST units it is refused. Twice the same counts once.
Bound: linear passes over at most 256 characters and some 200 words.
Sources: NIST SP 800-63B-4 3.1.1.2 (common, context-specific, repetitive and sequential values); OWASP ASVS 5.0 6.2.4,
6.2.11; Telex and VNI as TCVN 5712 keyboards type them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

LEAST = 8
SHORTEST = 3  # a shorter word of the person says nothing
RUN = 4  # characters along a row: "qwer", "4321"
# Compound words are listed by syllables with their marks: what is typed without them follows from it.
_WORDS = """
mật khẩu|quản trị|quản trị viên|quản trị hệ thống|người dùng|tài khoản|đăng nhập|bí mật|bảo mật|an ninh|an toàn|giám sát
việt nam|hà nội|sài gòn|hồ chí minh|bác hồ|đà nẵng|hải phòng|cần thơ|huế|ủy ban|nhân dân|ubnd|hội đồng|văn phòng|cơ quan
thông tin|truyền thông|khoa học|công nghệ|chuyển đổi số|dịch vụ công|một cửa|lũy tre|xin chào|cảm ơn|anh yêu em
em yêu anh|yêu em|yêu anh|nhiều lắm|mãi mãi|gia đình|hạnh phúc|may mắn|con yêu|bố mẹ|mẹ yêu
tổ quốc|độc lập|tự do|chúc mừng năm mới
password|passw0rd|passwd|admin|administrator|root|user|login|secret|welcome|letmein|iloveyou|changeme|default|test
master|system|server|company|dragon|monkey|football|abc|hello|security|soc|luytre|vietnam|hanoi|saigon
correcthorsebatterystaple|thisismypassword
""".replace("\n", "|")
_ROWS = ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "abcdefghijklmnopqrstuvwxyz",
         "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/", "qazwsxedcrfvtgbyhnujmikolp")  # fmt: skip
_FIGURES = str.maketrans("013457@$!+", "oieastasit")  # a letter written as what looks like it
_SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")
# A year, a date with it, six figures of a date, a Vietnamese mobile number.
_DATE = re.compile(r"(?:[0-3]?\d[01]?\d)?(?:19|20)\d\d(?:[01]\d[0-3]\d)?|[0-3]\d[01]\d\d\d|0[35789]\d{8}")
_BETWEEN = " -_."  # between words they say nothing
_TONES = {"\u0300": ("f", "2"), "\u0301": ("s", "1"), "\u0303": ("x", "4"), "\u0309": ("r", "3"), "\u0323": ("j", "5")}
_SHAPES = {"\u0302": ("", "6"), "\u0306": ("w", "8"), "\u031b": ("w", "7")}  # ^ doubles the letter in Telex


def guessable(password: str, context: Iterable[str] = ()) -> bool:
    folded = unicodedata.normalize("NFC", password).casefold()
    if len(set(folded)) < 6:
        return True
    ours = [part for word in context for part in (word, *re.split(r"[^\w]+", word))]
    words = _common() | {typed for word in ours for typed in written(word) if len(typed) >= SHORTEST}
    # As it was typed, without its marks, with figures read as letters, with signs read as the figures on their keys:
    # refused when one of them says too little.
    plain = _plain(folded)
    read = (folded, plain, plain.translate(_FIGURES), plain.translate(_SHIFTED))
    return any(_units(text, words) < LEAST for text in dict.fromkeys(read))


def written(words: str) -> set[str]:
    """The ways a word is typed: with marks, without, Telex and VNI; syllables together."""
    syllables = unicodedata.normalize("NFC", words).casefold().split()
    return {
        "".join(syllables), "".join(map(_plain, syllables)),
        *("".join(_keys(one, way, when) for one in syllables) for way in (0, 1) for when in ("now", "tone", "end")),
    }  # fmt: skip


@cache
def _common() -> frozenset[str]:
    return frozenset(typed for word in _WORDS.split("|") if word.strip() for typed in written(word))


def _plain(text: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return bare.replace("đ", "d")


def _keys(syllable: str, way: int, when: str) -> str:
    """Keystrokes of a syllable: Telex (0) or VNI (1); signs at once, the tone or all at the end of the syllable."""
    typed, tone, shape = "", "", ""
    for char in unicodedata.normalize("NFD", syllable.replace("đ", ("dd", "d9")[way])):
        if char in _TONES:
            tone += _TONES[char][way]
        elif not unicodedata.combining(char) and when == "now":
            typed, tone = typed + tone + char, ""
        elif char in _SHAPES:
            sign = _SHAPES[char][way] or typed[-1:]
            typed, shape = (typed, shape + sign) if when == "end" else (typed + sign, shape)
        else:
            typed += char
    return typed + shape + tone


def _units(text: str, words: Iterable[str]) -> int:
    bare = "".join(char for char in text if char.isalnum())
    found = max(0, len({char for char in text if not char.isalnum() and char not in _BETWEEN}) - 2)
    for word in sorted((word for word in words if word in bare), key=len, reverse=True):
        if word in bare:
            bare, found = bare.replace(word, "\0"), found + 1
    bare, dates = _DATE.subn("\0", bare)
    found += min(dates, 1)
    pieces = [_once(piece) for piece in bare.split("\0") if piece]
    return found + sum(_steps(piece) for piece in dict.fromkeys(pieces))


def _once(text: str) -> str:
    """One period of what repeats itself: "hoamaihoamaihoa" is "hoamai"."""
    for period in range(1, len(text) // 2 + 1):
        if all(text[at] == text[at - period] for at in range(period, len(text))):
            return text[:period]
    return text


def _steps(text: str) -> int:
    """Characters, where a run along a row or of one letter is one."""
    units, at = 0, 0
    while at < len(text):
        at += _run(text, at)
        units += 1
    return units


def _run(text: str, start: int) -> int:
    longest = 1
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        length = RUN
        while start + length <= len(text) and text[start : start + length] in row:
            longest, length = max(longest, length), length + 1
    same = 1
    while start + same < len(text) and text[start + same] == text[start]:
        same += 1
    return max(longest, same if same > 2 else 1)
