"""LT-D0501: the way to the node above, step by step (what each step means: _link.py)."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, _link, skipped
from api.node.checks._machine import Machine


def look(machine: Machine) -> Iterator[Finding]:
    links = _link.of(machine)
    if not links:
        yield skipped("no-link", "máy này không gửi đi đâu", "this machine sends nowhere")
    for link in links:
        yield from _link.walk(machine, link)


CHECK = Check(
    "LT-D0501",
    "link",
    Words("Đường truyền", "Line"),
    Words(
        "Tên miền, TCP, TLS, CA đã ghim, tên trong chứng thư, và nút có nhận ra máy này không; nêu bước hỏng đầu tiên.",
        "DNS, TCP, TLS, the pinned CA, the certificate's names, whether the node knows us; names the first step that "
        "fails.",
    ),
    look,
    cheap=False,
)
