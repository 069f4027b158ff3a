"""The obvious log: a list. The oracle that the real one is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class NaiveLog:
    items: list[bytes] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    dropped: int = 0  # from the front

    def append(self, items: list[bytes], marks: dict[str, str]) -> None:
        self.items += items
        self.marks = {key: text for key, text in {**self.marks, **marks}.items() if text}

    def kept(self) -> list[bytes]:
        return self.items[self.dropped :]
