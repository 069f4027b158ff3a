"""What is wrong with the values of a table, all of it at once, in both languages.

In:  a table as TOML gave it, and its Struct. Out: (key path, words in Vietnamese, in English, what is valid there).
msgspec stops at the first fault; here each key is tried by itself. A value is never shown: it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

_NAMES = {
    "int": ("số nguyên", "a whole number"), "float": ("số", "a number"), "str": ("chuỗi trong \"…\"", "text in \"…\""),
    "bool": ("true hoặc false", "true or false"), "array": ("danh sách [ … ]", "a list [ … ]"),
    "object": ("bảng { … }", "a table { … }"), "null": ("không có gì", "nothing"), "datetime": ("ngày giờ", "a date"),
}  # fmt: skip
_COMPARED = {">=": ("từ {} trở lên", "at least {}"), "<=": ("nhiều nhất {}", "at most {}"),
             ">": ("lớn hơn {}", "more than {}"), "<": ("nhỏ hơn {}", "less than {}")}  # fmt: skip


class Fault(NamedTuple):
    key: str
    vi: str
    en: str
    valid: tuple[str, ...] = ()


def faults(raw: Mapping[str, Any], kind: Any, path: str) -> Iterator[Fault]:
    """Every key of `raw` whose value cannot be what `kind` wants; unknown keys are the caller's."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                yield Fault(path, f"thiếu khóa bắt buộc `{name}` trong `{path}`",
                            f"the key `{name}` is required in `{path}`")  # fmt: skip
            continue
        yield from _of(raw[name], field.type, f"{path}.{name}")


def _of(value: Any, kind: Any, key: str) -> Iterator[Fault]:
    inner = struct_in(kind)
    if inner and isinstance(value, dict):
        yield from faults(value, inner, key)
        return
    if inner and isinstance(value, list) and all(isinstance(part, dict) for part in value):
        for number, part in enumerate(value):
            yield from faults(part, inner, f"{key}[{number}]")
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        valid = tuple(map(str, _choices(kind)))
        vi, en = ("không phải giá trị được phép", "not one of the values allowed") if valid else _words(str(error))
        last = key.rpartition(".")[2]
        yield Fault(key, f"`{last}`: {vi}", f"`{last}`: {en}", valid)


def _words(text: str) -> tuple[str, str]:
    """A message of msgspec's in our words; one that is not known is told by its kind alone."""
    said = text.partition(" - at ")[0]
    if found := re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", said):
        wanted, got = ([_NAMES.get(word, (word, word)) for word in part.split(" | ")] for part in found.groups())
        return (f"cần {' hoặc '.join(w[0] for w in wanted)}, nhận được {got[0][0]}",
                f"{' or '.join(w[1] for w in wanted)} is needed, {got[0][1]} was given")  # fmt: skip
    if found := re.fullmatch(r"Expected `\w+` of length (>=|<=) (\S+)", said):
        vi, en = _COMPARED[found[1]]
        return f"độ dài phải {vi.format(found[2])}", f"its length must be {en.format(found[2])}"
    if found := re.fullmatch(r"Expected `\w+` (>=|<=|>|<) (\S+)", said):
        vi, en = _COMPARED[found[1]]
        return f"phải {vi.format(found[2])}", f"must be {en.format(found[2])}"
    return "giá trị không hợp lệ", "not a valid value"


def _choices(kind: Any) -> tuple[Any, ...]:
    """The values of a Literal, in `X | None` and Annotated, too."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next((found for part in get_args(kind) if (found := _choices(part))), ())


def struct_in(kind: Any) -> Any:
    """The Struct inside `X`, `list[X]`, `tuple[X, ...]`, `X | None`, or None."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if get_origin(kind) is None:
        return None
    return next((found for part in get_args(kind) if (found := struct_in(part))), None)
