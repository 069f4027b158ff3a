"""What "the same word" means in a search: letters without case and diacritics, đ = d, NFC = NFD.

In: any text. Out: folded text; ASCII costs one `lower()`. The embedded index folds by tantivy's analyzer and uses
`composed` before it; Elasticsearch gets a folded copy of what is not ASCII (elastic_schema.py).
Source: ux.md A13; Unicode TR15.
"""

from __future__ import annotations

import unicodedata

# Letters that NFD leaves whole.
_WHOLE = str.maketrans(
    {"đ": "d", "ð": "d", "ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i", "þ": "th"}
)


def fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", plain.lower().translate(_WHOLE))


def composed(text: str) -> str:
    """NFC, so that an analyzer that knows letters one by one sees them; lone surrogates become U+FFFD."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
