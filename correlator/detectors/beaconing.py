"""Beaconing: a machine calls the same outside name or address at regular intervals, as implants do.

In:  flows (source → destination address and port) and DNS questions (source → name). Out: a finding when the intervals
     of the last contacts are regular enough, at most once per `again_after` further contacts.
Bound: `pairs_limit` pairs × `WINDOW` times; the pair seen longest ago goes first, counted.
Source: the idea of RITA's beacon analysis (activecm/rita: dispersion of intervals around their median); MITRE T1071.

Score = the share of intervals close to the median interval (or to two or three of it: a missed call), times how little
they scatter (median absolute deviation), times how many there are. Pure Python over at most 48 numbers, and only when a
pair has enough contacts: numpy would cost every idle node 12 MB.

Not looked at: destinations inside (RFC 1918, link-local, multicast …), time service (123), name service and routing
protocols, reverse names and names without a dot. Ordinary software also calls home regularly: the level is medium,
and `ignore_names` takes the agency's own update servers.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Any

from correlator.detector import Detector, Example, Finding
from sensors.event import Event, get

WINDOW = 48
ADDRESS_CHARS = 64  # IPv6 with a zone; what is longer is none
EVENT_IDS = 12
SAME_CONTACT_S = 0.3  # contacts closer than this are one (A and AAAA, several connections of one page)
LONGEST_INTERVAL_S = 86_400.0

_INSIDE = [ipaddress.ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
)]  # fmt: skip
_QUIET_PORTS = frozenset({53, 67, 68, 123, 137, 138, 161, 179, 546, 547, 1900, 3702, 5353, 5355})
_QUIET_SUFFIXES = (".arpa", ".local", ".lan", ".internal", ".home", ".localdomain", ".ntp.org")


@lru_cache(maxsize=8192)
def outside(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not any(parsed in network for network in _INSIDE if network.version == parsed.version)


def regularity(times: Sequence[float]) -> tuple[float, float]:
    """(score from 0 to 1, median interval) of sorted contact times."""
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if len(gaps) < 3:
        return 0.0, 0.0
    middle = median(gaps)
    if not 0 < middle <= LONGEST_INTERVAL_S:
        return 0.0, middle
    scatter = median(abs(gap - middle) for gap in gaps) / middle
    close = sum(1 for gap in gaps if _near(gap, middle)) / len(gaps)
    tight = max(0.0, 1.0 - 2.0 * scatter)  # 30 % jitter scatters by 0.08, chance by 0.5
    many = len(gaps) / (len(gaps) + 2.0)
    return max(0.0, min(1.0, close * tight * many)), middle


def _near(gap: float, middle: float) -> bool:
    times = round(gap / middle)
    return 1 <= times <= 3 and abs(gap - times * middle) <= 0.3 * middle


class _Pair:
    __slots__ = ("ids", "since", "times")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.ids: list[str] = []
        self.since = 0  # contacts since the last look


class Beaconing:
    def __init__(self, *, least_contacts: int = 12, least_score: float = 0.7, again_after: int = 24,
                 pairs_limit: int = 20_000, ignore_names: Sequence[str] = ()) -> None:  # fmt: skip
        self.least_contacts, self.least_score, self.again_after = least_contacts, least_score, again_after
        self.pairs_limit = pairs_limit
        self._ignored = tuple("." + name.lower().lstrip(".") for name in ignore_names)
        self._pairs: OrderedDict[tuple[str, ...], _Pair] = OrderedDict()
        self.dropped = 0

    def feed(self, event: Event, time: float) -> list[Finding]:
        contact = self._contact(event)
        if contact is None:
            return []
        key, group = contact
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = _Pair()
            while len(self._pairs) > self.pairs_limit:
                self._pairs.popitem(last=False)
                self.dropped += 1
        self._pairs.move_to_end(key)
        if not _insert(pair.times, time):
            return []
        pair.ids = [*pair.ids[-EVENT_IDS + 1 :], str(get(event, "event.id") or "")]
        pair.since += 1
        if len(pair.times) < self.least_contacts or pair.since < 1:
            return []
        score, interval = regularity(pair.times)
        if score < self.least_score:
            return []
        pair.since = -self.again_after
        address = f"{group.get('destination.ip')}:{group.get('destination.port')}"
        facts = {"destination": group.get("dns.question.name") or address,
                 "count": len(pair.times), "interval": _seconds(interval), "score": round(score, 2)}  # fmt: skip
        return [Finding(event, group, round(score, 4), len(pair.times), tuple(pair.ids), facts)]

    def tick(self, now: float) -> list[Finding]:
        return []

    def _contact(self, event: Event) -> tuple[tuple[str, ...], dict[str, str]] | None:
        source = get(event, "source.ip")
        if not isinstance(source, str) or len(source) > ADDRESS_CHARS:
            return None
        agency = str(get(event, "organization.id") or "")
        name = get(event, "dns.question.name")
        if isinstance(name, str):
            name = name.lower().rstrip(".")
            if "." not in name or len(name) > 253 or ("." + name).endswith((*_QUIET_SUFFIXES, *self._ignored)):
                return None
            kind = str(get(event, "dns.question.type") or "")[:16]
            return (agency, source, name, kind), {"source.ip": source, "dns.question.name": name}
        dataset = get(event, "event.dataset")
        address, port = get(event, "destination.ip"), get(event, "destination.port")
        flow = dataset == "network.flow" or (dataset == "suricata.eve" and get(event, "network.transport"))
        if not flow or not isinstance(address, str) or not isinstance(port, int):
            return None
        if port in _QUIET_PORTS or not outside(address):
            return None
        return (agency, source, address, str(port)), {"source.ip": source, "destination.ip": address,
                                                      "destination.port": str(port)}  # fmt: skip

    def snapshot(self) -> Any:
        pairs = [[list(key), pair.times, pair.ids, pair.since] for key, pair in self._pairs.items()]
        return {"dropped": self.dropped, "pairs": pairs}

    def restore(self, snapshot: Any) -> None:
        self.dropped = snapshot["dropped"]
        for key, times, ids, since in snapshot["pairs"]:
            pair = self._pairs[tuple(key)] = _Pair()
            pair.times, pair.ids, pair.since = list(times), list(ids), since


def _insert(times: list[float], time: float) -> bool:
    """Keep the newest `WINDOW` times sorted; False when it is the same contact or too old to matter."""
    place = len(times)
    while place and times[place - 1] > time:
        place -= 1
    if place and time - times[place - 1] < SAME_CONTACT_S:
        return False
    if place < len(times) and times[place] - time < SAME_CONTACT_S:
        return False
    if place == 0 and len(times) >= WINDOW:
        return False
    times.insert(place, time)
    if len(times) > WINDOW:
        del times[0]
    return True


def _seconds(interval: float) -> str:
    return f"{interval:.1f}" if interval < 10 else f"{interval:.0f}"


def _dns(
    second: float, name: str = "cdn.update-check.example", source: str = "10.1.2.3"
) -> tuple[float, dict[str, Any]]:
    return second, {"event.dataset": "network.dns", "source.ip": source, "dns.question.name": name,
                    "dns.question.type": "A", "organization.id": "xa-a"}  # fmt: skip


def _flow(second: float, address: str, port: int = 443) -> tuple[float, dict[str, Any]]:
    return second, {"event.dataset": "network.flow", "source.ip": "10.1.2.3", "destination.ip": address,
                    "destination.port": port, "network.transport": "tcp", "organization.id": "xa-a"}  # fmt: skip


_JITTER = (0, 3, -4, 6, -2, 5, -6, 1, 4, -3, 2, -5, 6, 0, -1, 3, -4, 5, 1, -6)
_BROWSING = (0, 2, 3, 5, 60, 61, 64, 300, 302, 340, 900, 905, 907, 910, 1500, 1501, 1640, 2400, 2404, 2900)

DETECTOR = Detector(
    id="5d1f6f7c-6f0e-4a3c-9c53-0e8c1c2b7a11",
    name="Regular contacts of one machine to one outside destination",
    level="medium",
    title={"vi": "Máy liên lạc đều đặn ra ngoài (dấu hiệu mã độc gọi về máy chủ điều khiển)",
           "en": "A machine calls out at regular intervals (possible beaconing)"},
    description={
        "vi": "Một máy liên lạc nhiều lần với cùng một tên miền hoặc địa chỉ bên ngoài, khoảng cách thời gian gần như "
              "bằng nhau. Phần mềm cập nhật cũng có thể như vậy: cần xem tên miền và tiến trình.",
        "en": "One machine contacts the same outside name or address again and again at nearly equal intervals. "
              "Update software may do so too: look at the name and the process.",
    },
    reason={"vi": "{source.ip} liên lạc {destination} {count} lần, cứ khoảng {interval} giây một lần",
            "en": "{source.ip} contacted {destination} {count} times, about every {interval} seconds"},
    keys=("source.ip", "destination.ip", "destination.port", "dns.question.name"),
    reads=("event.id", "event.dataset", "organization.id", "source.ip", "destination.ip", "destination.port",
           "network.transport", "dns.question.name", "dns.question.type"),
    make=Beaconing,
    tags=("attack.command-and-control", "attack.t1071"),
    steps={
        "vi": ["Xác định máy và người dùng của địa chỉ nguồn.",
               "Kiểm tra tên miền hoặc địa chỉ đích: ai sở hữu, mới đăng ký hay không, máy khác có gọi tới không.",
               "Tìm tiến trình tạo kết nối trên máy đó.",
               "Nếu nghi ngờ mã độc: cách ly máy khỏi mạng, giữ nguyên hiện trạng, mở sự cố."],
        "en": ["Find the machine and the user behind the source address.",
               "Look at the destination: who owns it, how new it is, whether other machines call it.",
               "Find the process that makes the connections.",
               "If malware is likely: isolate the machine, keep it as it is, open an incident."],
    },
    examples=(
        Example("every minute with jitter, by name", [_dns(60 * i + _JITTER[i]) for i in range(20)], found=True),
        Example("every two seconds, by address", [_flow(2 * i, "203.0.113.9", 8443) for i in range(16)], found=True),
        Example("two calls missed", [_flow(30 * i, "198.51.100.7") for i in range(20) if i not in (5, 11)], found=True),
        Example("browsing", [_flow(second, "203.0.113.80") for second in _BROWSING], found=False),
        Example("inside", [_flow(60 * i, "192.168.9.9") for i in range(30)], found=False),
        Example("time service", [_flow(64 * i, "203.0.113.1", 123) for i in range(30)], found=False),
        Example("too few", [_dns(60 * i) for i in range(8)], found=False),
    ),
)  # fmt: skip
