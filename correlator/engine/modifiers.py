"""The value modifiers: what stands behind `|` in a field's key, applied in the order given.

In:  an `Item` (a field and its values). Out: the same item, its values of another kind. `MODIFIERS` is the registry: a
     modifier is one function under its name; tests/unit/test_sigma_spec.py asks for a case of each.
Bound: `WINDASH_LIMIT` dashes a value (5^n texts); placeholders: patterns.py; regular expressions: compile.py.
Source: Sigma specification 2.1.0, appendix modifiers. Where pySigma 1.5 departs from it we follow the specification:
encodings are of bytes (its `utf16` writes the byte order mark as UTF-8, its `base64offset` counts letters for bytes),
`windash` reads all five dashes, string modifiers take numbers ("all values are treated as case-insensitive strings").
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product

from correlator.engine.items import (
    Comparison,
    Item,
    Network,
    Pattern,
    Plain,
    Presence,
    Reference,
    TimePart,
    Value,
    Words,
)
from correlator.engine.patterns import Placeholder, Tokens, filled, joined, pattern_tokens
from correlator.engine.rule import Unusable
from correlator.engine.values import MANY, ONE, text_of

WINDASH_LIMIT = 4
DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")  # hyphen, slash, en dash, em dash, horizontal bar
# Only where a flag begins: "-param-name" has one dash that may be written otherwise (pySigma's reading).
_WINDASH = re.compile(r"\B[-/\u2013\u2014\u2015]\b")


def apply(item: Item, names: list[str]) -> None:
    for name in names:
        modifier = MODIFIERS.get(name)
        if modifier is None:
            raise Unusable(f"the specification has no modifier {name[:60]!r}")
        modifier(item)
        item.applied.append(name)


# --- generic ------------------------------------------------------------------------------------------------------


def _all(item: Item) -> None:
    item.all = True


def _neq(item: Item) -> None:
    item.negated = True


def _around(before: bool, after: bool) -> Callable[[Item], None]:
    """contains, startswith, endswith."""

    def change(value: Value) -> Value:
        match value:
            case Pattern(text):  # found anywhere already
                anchored = rf"(?:{text})\z" if not after else rf"\A(?:{text})" if not before else text
                return replace(value, text=anchored)
            case Reference():
                return replace(value, starts=value.starts or after, ends=value.ends or before)
        words = _words(value)
        return replace(words, parts=joined(((MANY,) if before else ()) + words.parts + ((MANY,) if after else ())))

    return lambda item: item.each(change)


def _exists(item: Item) -> None:
    def change(value: Value) -> Value:
        wanted = value.value if isinstance(value, Plain) else None
        if isinstance(value, Words):  # quoted, or YAML 1.1's
            wanted = {"true": True, "yes": True, "false": False, "no": False}.get(value.raw.lower())
        if not isinstance(wanted, bool):
            raise Unusable("`exists` is true or false")
        return Presence(wanted)

    if not item.name:
        raise Unusable("`exists` needs a field")
    item.each(change)


def _cased(item: Item) -> None:
    def change(value: Value) -> Value:
        return replace(value, cased=True) if isinstance(value, Reference) else replace(_words(value), cased=True)

    item.each(change)


def _fieldref(item: Item) -> None:
    """`contains|fieldref` is `fieldref|contains`: the wildcards that went before say where the other's value stands."""

    def change(value: Value) -> Value:
        words = _words(value)
        asked = {"contains", "startswith", "endswith"} & set(item.applied)
        ends, starts = (bool(asked) and end == (MANY,) for end in (words.parts[:1], words.parts[-1:]))
        name = words.parts[1 if ends else 0 : -1 if starts else None]
        if len(name) != 1 or not isinstance(name[0], str):
            raise Unusable("a field reference has no wildcards")
        return Reference(name[0], starts, ends, words.cased)

    if not item.name:
        raise Unusable("`fieldref` needs a field")
    item.each(change)


def _expand(item: Item) -> None:
    def change(value: Value) -> list[Value]:
        if isinstance(value, Pattern):
            return [replace(value, text=text) for text in _patterns(value.text, item)]
        words = _words(value)
        found = _filled(words.parts, item)
        raws = _patterns(words.raw, item) if "%" in words.raw else [words.raw]
        same = len(raws) == len(found)
        return [replace(words, parts=parts, raw=raws[number] if same else _text(parts))
                for number, parts in enumerate(found)]  # fmt: skip

    item.each(change)


def _patterns(text: str, item: Item) -> list[str]:
    """A regular expression with its placeholders put in as text that means itself."""
    return [_text(parts) for parts in _filled(pattern_tokens(text), item, escaped=True)]


def _filled(parts: Tokens, item: Item, *, escaped: bool = False) -> list[Tokens]:
    values = item.placeholders
    if escaped:  # twice: the value is read for escapes once more
        names = [part.name for part in parts if isinstance(part, Placeholder)]
        values = {
            name: [re.escape(one).replace("\\", "\\\\") for one in values[name]] for name in names if name in values
        }
    try:
        return filled(parts, values, item.missing)
    except ValueError as error:
        raise Unusable(str(error)) from None


# --- strings ------------------------------------------------------------------------------------------------------


def _windash(item: Item) -> None:
    def change(value: Value) -> list[Value]:
        words = _words(value)
        pieces: list[tuple[Tokens, ...]] = []
        dashes = 0
        for part in words.parts:
            if not isinstance(part, str):
                pieces.append(((part,),))
                continue
            end = 0
            for match in _WINDASH.finditer(part):
                pieces += [((part[end : match.start()],),), tuple((dash,) for dash in DASHES)]
                end = match.end()
                dashes += 1
            pieces.append(((part[end:],),))
        if dashes > WINDASH_LIMIT:
            raise Unusable(f"`windash` over more than {WINDASH_LIMIT} dashes")
        return [replace(words, parts=joined(part for piece in choice for part in piece)) for choice in product(*pieces)]

    item.each(change)


def _re(item: Item) -> None:
    if set(item.applied) - {"expand", "all", "neq"}:
        raise Unusable("`re` stands first: a pattern is not made of modified values")
    item.each(lambda value: Pattern(_words(value).raw))


def _flag(letter: str) -> Callable[[Item], None]:
    def change(value: Value) -> Value:
        if not isinstance(value, Pattern):
            raise Unusable(f"`{letter}` is a modifier of `re`")
        return replace(value, flags=value.flags | {letter})

    return lambda item: item.each(change)


def _encoded(codec: str) -> Callable[[Item], None]:
    def change(value: Value) -> Value:
        words = _words(value)
        if words.codec:
            raise Unusable(f"{codec} over {words.codec}: one encoding at a time")
        return replace(words, codec=codec)

    return lambda item: item.each(change)


_BOM = {"utf16": b"\xff\xfe"}
_CODECS = {"utf16": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "": "utf-8"}


def _bytes(words: Words) -> bytes:
    if len(words.parts) > 1 or (words.parts and not isinstance(words.parts[0], str)):
        raise Unusable("Base64 encodes plain text: no wildcards before it (`contains` goes behind)")
    text = words.parts[0] if words.parts else ""
    return _BOM.get(words.codec, b"") + str(text).encode(_CODECS[words.codec], "surrogatepass")


def encoded_parts(words: Words) -> Tokens:
    """The parts of a text of which bytes were made and no Base64: each byte a character, as a log shows them."""
    if not words.codec:
        return words.parts
    codec = _CODECS[words.codec]
    parts = [part.encode(codec, "surrogatepass").decode("latin-1") if isinstance(part, str) else part
             for part in words.parts]  # fmt: skip
    return joined([_BOM.get(words.codec, b"").decode("latin-1"), *parts])


def _base64(item: Item) -> None:
    def change(value: Value) -> Value:
        words = _words(value)
        text = b64encode(_bytes(words)).decode()
        return Words((text,) if text else (), text, words.cased)

    item.each(change)


def _base64offset(item: Item) -> None:
    """The value's letters whichever of three places it has in the encoded text; the shared letters at the ends go."""

    def change(value: Value) -> list[Value]:
        words = _words(value)
        data = _bytes(words)
        made: list[Value] = []
        for shift, start in enumerate((0, 2, 3)):
            end = (None, -3, -2)[(len(data) + shift) % 3]
            text = b64encode(b" " * shift + data)[start:end].decode()
            made.append(Words((text,) if text else (), text, words.cased))
        return made

    item.each(change)


# --- numbers, times, networks -------------------------------------------------------------------------------------


def _compared(operator: str) -> Callable[[Item], None]:
    def change(value: Value) -> Value:
        if isinstance(value, TimePart):
            return Comparison(operator, value.number, value.part)
        return Comparison(operator, _number(value, operator))

    return lambda item: item.each(change)


def _time(part: str) -> Callable[[Item], None]:
    def change(value: Value) -> Value:
        number = _number(value, part)
        if number != int(number):
            raise Unusable(f"`{part}` is a whole number")
        return TimePart(part, int(number))

    return lambda item: item.each(change)


def _cidr(item: Item) -> None:
    def change(value: Value) -> Value:
        words = _words(value)
        text = _text(words.parts) if all(isinstance(part, str | Placeholder) for part in words.parts) else words.raw
        if item.missing:
            return words  # the rule waits for its placeholders
        try:
            # A network written with an address inside it ("10.1.2.3/8") is the network around that address.
            return Network(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError as error:
            raise Unusable(f"not a network: {error}"[:200]) from None

    item.each(change)


def _number(value: Value, name: str) -> float:
    if isinstance(value, Plain) and isinstance(value.value, int | float) and not isinstance(value.value, bool):
        return value.value
    text = _text(value.parts) if isinstance(value, Words) else ""
    if 0 < len(text) <= 40:
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    raise Unusable(f"`{name}` needs a number")


def _words(value: Value) -> Words:
    if isinstance(value, Words):
        return value
    text = text_of(value.value) if isinstance(value, Plain) else None
    if text is None:
        kind = "null" if isinstance(value, Plain) else "what the modifier before it made"
        raise Unusable(f"a modifier of text does not go with {kind}")
    return Words((text,), text)


def _text(parts: Tokens) -> str:
    signs = {MANY: "*", ONE: "?"}
    return "".join(part if isinstance(part, str) else f"%{part.name}%" if isinstance(part, Placeholder) else
                   signs[part] for part in parts)  # fmt: skip


MODIFIERS: Mapping[str, Callable[[Item], None]] = {
    "all": _all,
    "neq": _neq,
    "contains": _around(True, True),
    "startswith": _around(False, True),
    "endswith": _around(True, False),
    "exists": _exists,
    "cased": _cased,
    "fieldref": _fieldref,
    "expand": _expand,
    "windash": _windash,
    "re": _re,
    "i": _flag("i"),
    "ignorecase": _flag("i"),
    "m": _flag("m"),
    "multiline": _flag("m"),
    "s": _flag("s"),
    "dotall": _flag("s"),
    "base64": _base64,
    "base64offset": _base64offset,
    "wide": _encoded("utf16le"),
    "utf16le": _encoded("utf16le"),
    "utf16be": _encoded("utf16be"),
    "utf16": _encoded("utf16"),
    "lt": _compared("lt"),
    "lte": _compared("lte"),
    "gt": _compared("gt"),
    "gte": _compared("gte"),
    "minute": _time("minute"),
    "hour": _time("hour"),
    "day": _time("day"),
    "week": _time("week"),
    "month": _time("month"),
    "year": _time("year"),
    "cidr": _cidr,
}
