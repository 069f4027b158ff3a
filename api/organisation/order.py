"""Vietnamese order of words, as ICU's `vi` collation has it: the server's lists stand as the browser's do.

Letters first (a < ă < â < b … d < đ … e < ê … o < ô < ơ … u < ư), then tones (ngang < huyền < hỏi < ngã < sắc < nặng),
then case (small first). Runs of digits compare as numbers, as the dashboard's collator does. Source: CLDR `vi`
(https://github.com/unicode-org/cldr/blob/main/common/collation/vi.xml); the tests' list was sorted by ICU itself.
"""

from __future__ import annotations

import re
import unicodedata

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
