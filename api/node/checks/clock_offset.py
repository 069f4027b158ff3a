"""LT-D0101: this clock against the node's (the centre's), by the Date header of the link that is there anyway."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, _link, bad, note, ok, run, skipped
from api.node.checks._machine import Machine, span

NOTE_S, BAD_S = 5.0, 60.0  # order of events within an incident; enrolment and windows of rules (lateness 300 s)


def look(machine: Machine) -> Iterator[Finding]:
    asked = False
    for link in _link.of(machine):
        from sensors.roles.ship import is_near

        if (is_near(link.url) and not machine.is_sensor) or not link.ca.exists():
            continue
        asked = True
        found = _link.peer_clock(machine, link)
        if found is None:
            continue
        offset, exact = found
        measured = {"offset_s": round(offset, 2), "exact_s": round(exact, 2), "against": link.key}
        vi = f"giờ máy này {'chậm' if offset > 0 else 'nhanh'} hơn {link.url} {span(abs(offset)).vi}"
        en = f"this clock is {span(abs(offset)).en} {'behind' if offset > 0 else 'ahead of'} {link.url}"
        if abs(offset) - exact >= BAD_S:
            yield bad("clock-skew", vi, en, run("sudo chronyc makestep"), run("sudo timedatectl set-ntp true"),
                      **measured)  # fmt: skip
        elif abs(offset) - exact >= NOTE_S:
            yield note("clock-skew", vi, en, run("sudo chronyc makestep"), run("sudo timedatectl set-ntp true"),
                       **measured)  # fmt: skip
        else:
            yield ok(f"lệch {abs(offset):.1f} giây (±{exact:.1f})", f"{abs(offset):.1f} s off (±{exact:.1f})",
                     **measured)  # fmt: skip
        return
    yield skipped("no-peer" if not asked else "no-answer", "không có nút ở xa để so giờ" if not asked else
                  "nút ở xa không trả lời", "no distant node to compare with" if not asked else
                  "the distant node does not answer")  # fmt: skip


CHECK = Check(
    "LT-D0101", "time", Words("Lệch giờ", "Clock offset"),
    Words("Lệch giờ so với nút cấp trên, qua chính kết nối TLS đã có; không hỏi máy nào khác. Lệch lớn làm sai thứ tự "
          "sự kiện, chứng thư và cửa sổ của luật.",
          "The offset to the node above, over the TLS link that is there; nobody else is asked. A large one spoils the "
          "order of events, certificates and the windows of rules."),
    look, cheap=False,
)  # fmt: skip
