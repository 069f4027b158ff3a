"""LT-D0201: whether packets may be captured here: the right, libpcap for a filter, the interface there and up."""

from __future__ import annotations

from collections.abc import Iterator

from api.node import programs
from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine
from sensors.roles.packet import PacketTable


def look(machine: Machine) -> Iterator[Finding]:
    table = machine.table("packet", PacketTable)
    if not table.interfaces:
        yield skipped("no-interface", "[packet] không có interfaces", "[packet] names no interfaces")
        return
    if table.bpf:
        from ctypes.util import find_library

        if find_library("pcap") is None:
            yield bad(
                "no-libpcap",
                "[packet] bpf cần libpcap, máy này không có",
                "[packet] bpf needs libpcap, which is not here",
                run("sudo apt install libpcap0.8"),
                run("sudo dnf install libpcap"),
            )
    working = machine.alive("packet")
    if not working and not programs.may_capture():
        said = programs.lacking(machine.config) if machine.config else None
        command = said.splitlines()[-1].strip() if said else "sudo setcap …"
        yield bad(
            "no-right",
            "thiếu quyền CAP_NET_RAW: cảm biến gói tin không chạy",
            "CAP_NET_RAW is missing: the packet sensor does not run",
            run(command),
        )
    fine = []
    for name in table.interfaces:
        folder = machine.root / "sys/class/net" / name
        if not folder.exists():
            there = ", ".join(sorted(path.name for path in (machine.root / "sys/class/net").glob("*")))
            yield bad(
                "no-such-interface",
                f"không có giao diện `{name}`; có: {there}",
                f"no interface `{name}`; there are: {there}",
                do("Sửa [packet] interfaces", "Mend [packet] interfaces"),
                run("ip -brief link"),
                interface=name,
            )
            continue
        flags = int(machine.text(f"sys/class/net/{name}/flags").strip() or "0", 16)
        state = machine.text(f"sys/class/net/{name}/operstate").strip()
        if not flags & 1:
            yield bad(
                "interface-down",
                f"{name} đang tắt",
                f"{name} is down",
                run(f"sudo ip link set {name} up"),
                interface=name,
                state=state,
            )
        elif machine.text(f"sys/class/net/{name}/carrier").strip() == "0":
            yield bad(
                "no-carrier",
                f"{name} không có tín hiệu: dây hoặc cổng switch",
                f"{name} has no carrier: the cable or the switch's port",
                do("Kiểm tra dây và cổng switch", "Check the cable and the switch's port"),
                run(f"ip -s link show {name}"),
                interface=name,
                state=state,
            )
        else:
            fine.append(name)
            if not table.promiscuous:
                yield note(
                    "not-promiscuous",
                    f"{name}: promiscuous = false, chỉ thấy lưu lượng của chính máy",
                    f"{name}: promiscuous = false, only this machine's own traffic is seen",
                    do(
                        "[packet] promiscuous = true cho cổng sao chép", "[packet] promiscuous = true for a mirror port"
                    ),
                    interface=name,
                )
    if fine:
        yield ok(f"{', '.join(fine)} hoạt động", f"{', '.join(fine)} up", interfaces=fine)


CHECK = Check(
    "LT-D0201",
    "capture",
    Words("Quyền và giao diện", "Right and interfaces"),
    Words(
        "Quyền CAP_NET_RAW, libpcap nếu có bộ lọc bpf, giao diện có đó, đang bật, có tín hiệu.",
        "CAP_NET_RAW, libpcap where a bpf filter is set, interfaces there, up, with a carrier.",
    ),
    look,
)
