"""Every code LT-… explained: the cause and what to do, in both languages, from one place each.

    LT-Axxxx of a screen   api/problems.py TEXTS      what the answer says, and which HTTP status it has
    LT-Dggnn of a check    api/node/checks/*          what it measures
    all others             errors.toml                cause, what to do
`in_program()` finds the codes that the program's source names: a test holds both against each other.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from api.node.checks import GROUPS, Words, all_checks
from api.problems import TEXTS

CODE = re.compile(r"LT-[A-Z]\d{4}")
PACKAGES = ("sensors", "correlator", "api")


@dataclass(frozen=True, slots=True)
class Page:
    code: str
    cause: Words
    act: Words

    def show(self, language: str) -> str:
        vi = language == "vi"
        return "\n".join([
            self.code,
            f"  {'Nguyên nhân' if vi else 'Cause'}: {self.cause.of(language)}",
            f"  {'Cách xử lý' if vi else 'What to do'}: {self.act.of(language)}",
        ])  # fmt: skip


@cache
def pages() -> dict[str, Page]:
    found = {}
    for code, (status, vi, en) in TEXTS.items():
        found[code] = Page(code, Words(f"{vi[0]} (HTTP {status}). {vi[1]}", f"{en[0]} (HTTP {status}). {en[1]}"),
                           Words("Làm theo lời nhắc; nếu lặp lại, gửi quản trị viên mã này và mã `instance`.",
                                 "Do as it says; if it comes again, tell the administrator this code and `instance`.",
                                 ))  # fmt: skip
    for check in all_checks():
        group = GROUPS[check.group]
        found[check.code] = Page(
            check.code,
            Words(f"{group.vi} – {check.title.vi}: {check.about.vi}",
                  f"{group.en} – {check.title.en}: {check.about.en}"),
            Words(f"Chạy riêng mục này, lệnh sửa ở ngay dưới kết quả: luytre doctor --only {check.code}",
                  f"Run it alone, what mends it stands under its result: luytre doctor --only {check.code}"),
        )  # fmt: skip
    for code, words in tomllib.loads((Path(__file__).parent / "errors.toml").read_text("utf-8")).items():
        found[code] = Page(code, Words(words["vi"][0], words["en"][0]), Words(words["vi"][1], words["en"][1]))
    return dict(sorted(found.items()))


def in_program(root: Path | None = None) -> set[str]:
    """The codes in the string constants of the program's source; docstrings are passed over."""
    root = root or Path(__file__).resolve().parents[2]
    return {code for package in PACKAGES for path in (root / package).rglob("*.py") for code in _codes(path)}


def _codes(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (body := node.body)
        and isinstance(body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield from CODE.findall(node.value)
