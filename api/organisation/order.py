"""Vietnamese order of words, as ICU's `vi` collation has it: the server's lists stand as the browser's do.

Letters first (a < ă < â < b … d < đ … e < ê … o < ô < ơ … u < ư), then tones (ngang < huyền < hỏi < ngã < sắc < nặng),
then case (small first). Runs of digits compare as numbers, as the dashboard's collator does. Source: CLDR `vi`
(https://github.com/unicode-org/cldr/blob/main/common/collation/vi.xml); the tests' list was sorted by ICU itself.
"""

from __future__ import annotations

import re
import unicodedata

STORED = 512  # characters of a stored key: some 128 letters; beyond them the caller's next key decides
Key = tuple[tuple[tuple[int, int, int], ...], tuple[int, ...], tuple[int, ...]]
_MARKS = {"\u0306": 1, "\u0302": 2, "\u031b": 3}  # breve, circumflex, horn: other letters, not accents
_TONES = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}
_RUNS = re.compile(r"[0-9]{1,15}|.", re.DOTALL)


def sort_key(text: str) -> Key:
    letters: list[tuple[int, int, int]] = []
    tones: list[int] = []
    cases: list[int] = []
    for run in _RUNS.findall(unicodedata.normalize("NFD", text)):
        if run[0].isascii() and run[0].isdigit():
            letters.append((1, int(run), 0))
        elif run in _MARKS and letters:
            group, letter, _ = letters[-1]
            letters[-1] = (group, letter, _MARKS[run])
            continue
        elif run in _TONES and tones:
            tones[-1] = _TONES[run]
            continue
        elif unicodedata.combining(run):
            continue
        else:
            small = run.lower()
            stroke = 1 if small == "đ" else 0
            plain = "d" if stroke else small
            letters.append((2 if plain.isalpha() else 0, ord(plain[0]), stroke))
        tones.append(0)
        cases.append(int(run != run.lower()))
    return tuple(letters), tuple(tones), tuple(cases)


def stored_key(text: str) -> str:
    """The same order as plain text, for a column that a database sorts by. Hexadecimal digits only: every collation of
    PostgreSQL puts those as bytes would. Levels end in "0", which is less than any letter's first digit."""
    letters, tones, cases = sort_key(text[:STORED])
    found = "".join(_letter(*one) for one in letters)
    return f"{found}0{''.join(map(str, tones))}0{''.join(map(str, cases))}"[:STORED]


def _letter(group: int, letter: int, mark: int) -> str:
    if group == 1:  # a number, as many digits as the longest run has
        return f"2{letter:013x}"
    width = f"{letter:02x}" if letter < 0x80 else f"f{letter:06x}"
    return f"{group + 1}{width}{mark}"
