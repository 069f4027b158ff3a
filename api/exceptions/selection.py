"""What an exception looks for, as data, and as the Sigma filter that the correlator reads.

In:  conditions [{field, op, values}]: all must hold, each by any of its values. Out: `document(…)`, the filter's
     mapping; `file(…)`, an agency's file of them; `checked`, which refuses what a filter can't say.
Values are plain text: what is a wildcard to Sigma is escaped, so nothing is hidden that was not written. They compare
as Sigma does: case does not matter.
Bound: CONDITIONS, VALUES, FIELD and VALUE_CHARS; a file of ACTIVE exceptions stays below the loader's limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from api.casework.errors import Invalid
from api.state.exceptions import Excepted
from correlator.exceptions import AGENCY_FIELD
from sensors.clock import rfc3339

CONDITIONS, VALUES, VALUE_CHARS = 12, 20, 512
FIELD = re.compile(r"[A-Za-z_@][A-Za-z0-9_@.-]{0,127}")
SHORTEST = 3  # characters of a part (contains …): shorter ones stand in almost every value
ACTIVE = 300  # of one agency
FILE_BYTES = 900 * 1024  # below the loader's 1 MiB
HEAD = (
    "# Do máy chủ tạo từ các ngoại lệ đang hiệu lực; sửa trên màn hình, không sửa tệp này.\n"
    "# Made by the server of the exceptions in force; change them on the screen, not here.\n"
)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
Op = Literal["is", "startswith", "endswith", "contains"]


class Condition(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str = Field(max_length=128)
    op: Op = "is"
    values: tuple[str, ...] = Field(min_length=1, max_length=VALUES)


def checked(given: Sequence[Condition]) -> list[Condition]:
    """Raises `Invalid` in words."""
    if not 1 <= len(given) <= CONDITIONS:
        raise Invalid("conditions", f"Cần từ 1 đến {CONDITIONS} điều kiện.", f"Between 1 and {CONDITIONS} conditions.")
    seen = set()
    for one in given:
        if not FIELD.fullmatch(one.field):
            raise Invalid("conditions", f"Không dùng được trường này: {one.field[:60]}",
                          f"This field cannot be used: {one.field[:60]}")  # fmt: skip
        if one.field.partition("|")[0] == AGENCY_FIELD or (one.field, one.op) in seen:
            raise Invalid("conditions", f"Trường {one.field} được nêu hai lần hoặc do hệ thống tự đặt.",
                          f"{one.field} stands twice, or is set by the system itself.")  # fmt: skip
        seen.add((one.field, one.op))
        for value in one.values:
            if not value or len(value) > VALUE_CHARS or _unwritable(value):
                raise Invalid("conditions", f"Giá trị của {one.field} trống, quá dài hoặc có ký tự không ghi được.",
                              f"A value of {one.field} is empty, too long, or cannot be written.")  # fmt: skip
            if one.op != "is" and len(value) < SHORTEST:
                raise Invalid("conditions", f"Phần giá trị của {one.field} quá ngắn (ít nhất {SHORTEST} ký tự).",
                              f"A part of {one.field} needs {SHORTEST} characters.")  # fmt: skip
    return list(given)


def document(
    exception_id: str, agency: str, rules: Sequence[Mapping[str, Any]], conditions: Iterable[Condition], until: float,
    **more: str,
) -> dict[str, Any]:  # fmt: skip
    """The Sigma filter. `rules`: [{id, logsource}]."""
    selection: dict[str, Any] = {f"{AGENCY_FIELD}|cased": agency}
    for one in conditions:
        key = one.field if one.op == "is" else f"{one.field}|{one.op}"
        selection[key] = [_plain(value) for value in one.values]
    return {
        "title": exception_id,
        "logsource": _common([rule.get("logsource") or {} for rule in rules]),
        "filter": {"rules": [rule["id"] for rule in rules], "selection": selection, "condition": "not selection"},
        "luytre": {"exception": {"id": exception_id, "agency": agency, "until": rfc3339(until), **more}},
    }


def file(rows: Sequence[Excepted]) -> bytes:
    """An agency's exceptions in force, one document each, in the order of their ids."""
    made = [
        document(row.id, row.agency, row.rules, conditions_of(row), row.until, owner=row.owner_name, reason=row.reason)
        for row in sorted(rows, key=lambda row: row.id)
    ]
    return (HEAD + dumped(made)).encode()


def dumped(made: Sequence[dict[str, Any]]) -> str:
    """All quoted: PyYAML writes YAML 1.1, in which 0E0 and 0o7 are texts, and our loader reads 1.2."""
    return yaml.dump_all(made, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000, explicit_start=True,
                              default_style='"')  # fmt: skip


def conditions_of(row: Excepted) -> list[Condition]:
    return [Condition.model_validate(one) for one in row.selection]


def _plain(value: str) -> str:
    return re.sub(r"([\\*?])", r"\\\1", value)


def _common(sources: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """On what the rules' log sources agree: a filter covers the rules that lie within its own."""
    first = sources[0] if sources else {}
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in sources)}


def _unwritable(value: str) -> bool:
    """Half a surrogate pair, or a control character that no event of ours keeps."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return "\x00" in value
