"""LT-D0102: whether something keeps this clock right (chrony, systemd-timesyncd, ntpd), as it says itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, note, ok, run, skipped
from api.node.checks._machine import Machine

FIX = (run("sudo timedatectl set-ntp true"), run("sudo apt install chrony"))


def look(machine: Machine) -> Iterator[Finding]:
    said = machine.ask(["chronyc", "-c", "tracking"])
    if said:
        parts = said.strip().split(",")
        try:
            stratum, offset = int(parts[2]), abs(float(parts[4]))
        except (IndexError, ValueError):
            stratum, offset = 0, 0.0
        if stratum == 0 or parts[-1].strip() == "Not synchronised":
            yield bad("not-synchronised", "chrony chưa đồng bộ với máy chủ giờ nào", "chrony follows no time server",
                      run("chronyc sources"), run("sudo chronyc makestep"))  # fmt: skip
        else:
            yield ok(f"chrony, lệch {offset:.3f} giây", f"chrony, {offset:.3f} s off", offset_s=offset, stratum=stratum)
        return
    said = machine.ask(["timedatectl", "show"])
    if said and (found := re.search(r"^NTPSynchronized=(yes|no)$", said, re.MULTILINE)):
        if found[1] == "yes":
            yield ok("systemd đã đồng bộ giờ", "systemd keeps the clock", synchronised=True)
        else:
            yield note("not-synchronised", "giờ chưa được đồng bộ", "the clock is not synchronised", *FIX,
                       synchronised=False)  # fmt: skip
        return
    yield skipped("no-tool", "không có chronyc hay timedatectl để hỏi (máy ảo, container: máy chủ giữ giờ)",
                  "neither chronyc nor timedatectl to ask (in a container the host keeps the time)")  # fmt: skip


CHECK = Check(
    "LT-D0102", "time", Words("Đồng bộ giờ", "Time service"),
    Words("chrony hoặc systemd có đang giữ giờ của máy không.", "Whether chrony or systemd keeps the clock right."),
    look,
)  # fmt: skip
