"""The forms of official documents, one file each: `FORM = Form(name, of, fields, fill)`, found by the registry.

A form's id is its file's name and what a rule's `form_id` says. `fill` lays the facts out; it invents none: what nobody
knows becomes a dotted line. The order of the sections is the usual one; where a decree's appendix fixes a form, the
head of the file names it, and that the text of the appendix itself was not at hand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from api.documents.model import Block, Table
from sensors.registry import find


@dataclass(frozen=True, slots=True)
class Filled:
    subject: str  # trích yếu: goes on from the name of the kind, which it does not say again
    blocks: list[Block]
    appendices: list[Table] = field(default_factory=list)
    kind: str = "BÁO CÁO"
    mark: str = "BC"


@dataclass(frozen=True, slots=True)
class Form:
    name: tuple[str, str]  # Vietnamese, English
    of: Literal["incident", "year"]
    fields: tuple[str, ...]  # what a person is asked for before (case.PARTICULARS)
    fill: Callable[[Any], Filled]  # takes a Case, or a Year


@cache
def all_forms() -> dict[str, Form]:
    return find(sys.modules[__name__], "FORM", Form)
