"""Kinds of channels, one file each: `CHANNEL = Kind(…)` is found by the registry (`all_kinds`).

A kind checks what an operator typed, says it in words without secrets, and sends one `Message`:
    send(message, settings, secret, egress) -> receipt in a few words; raises `Refused` or OSError.
Whatever goes wrong is told in both languages and never contains the secret. `Refused(permanent=True)`: no further try.
Bound: TIMEOUT_S a try, ANSWER_LIMIT_BYTES read of an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from api.outward import Guard
from sensors.registry import find

TIMEOUT_S = 15.0
ANSWER_LIMIT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """What may leave: an id, a level, an agency, a link; the title only where the channel may carry it."""

    uid: str
    at: float
    level: str
    agency: str  # its name
    agency_code: str
    kind: str
    ref: str
    count: int
    title: str | None
    link: str
    language: Literal["vi", "en"]
    subject: str  # the whole in a line
    text: str
    exercise: bool = False
    over: bool = False
    test: bool = False
    to: str = ""  # a person's address or number, when the channel is used to reach people


@dataclass(frozen=True, slots=True)
class Egress:
    guard: Guard
    ca: Path | None = None
    now: float = 0.0  # when this try is made
    timeout_s: float = TIMEOUT_S


class Refused(Exception):
    def __init__(self, vi: str, en: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(en)
        self.vi, self.en, self.permanent, self.retry_after_s = vi, en, permanent, retry_after_s


Send = Callable[[Message, Mapping[str, Any], str, Egress], str]


@dataclass(frozen=True, slots=True)
class Kind:
    settings: type[BaseModel]  # forbids unknown keys
    shown: Callable[[Mapping[str, Any]], str]  # where it goes, without anything secret
    check: Callable[[Mapping[str, Any], str], None]  # settings and secret fit together; raises ValueError
    send: Send
    reaches: Literal["", "mail", "phone"] = ""  # the address of a person that it can be used with
    secret_goes_to: tuple[str, ...] = ()  # settings that decide who gets the secret: changing one needs it anew


def all_kinds() -> dict[str, Kind]:
    return find(sys.modules[__name__], "CHANNEL", Kind)
