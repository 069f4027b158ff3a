"""Silence: a sensor, or one of its sources, has been quiet for longer than is its habit.

In:  every event (who sent it, which dataset, when it was taken in), and `tick(now)`. Out: one finding per silence.
Bound: `limit` sensors and sources; the one quiet for longest goes first, counted.

A sensor (observer and role) sends heartbeats, so its silence is known soon: `sensor_s`, or three of its longest usual
gaps. A source (observer and log file or dataset) has a habit: it is silent after `source_s` at least, and only when
quiet for `HABIT` times the longest gap of its last `GAPS` gaps; it needs `LEAST_EVENTS` events to have a habit at all.
Time is that of taking in (`event.ingested`), because a late event shows that its sender lives. When this program was
not ticking itself (stopped, or reading a backlog), that time doesn't count as anybody's silence.

Every event of a node comes by here. What a finding takes of the last one (`LEFT`) is taken before the next tick, or
when WHOLE_LIMIT of them are held as they came, so that of a busy source not every event pays for it.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from typing import Any

from correlator.detector import Detector, Example, Finding
from sensors.clock import parse_rfc3339, rfc3339
from sensors.event import Event, get, put

GAPS = 16
HABIT = 4.0
LEAST_EVENTS = 20
BLIND_S = 60.0  # ticks further apart than this: we were away
SOURCE_FORGET_S = 7 * 86_400.0
WHOLE_LIMIT = 128
CHARS = 1_024  # of what is kept of an event; a longer path is not told from others of its dataset

LEFT = ("@timestamp", "event.id", "event.dataset", "organization.id", "observer.id", "observer.name", "host.name",
        "agent.type", "log.file.path")  # fmt: skip


class _Seen:
    __slots__ = ("count", "event", "gaps", "last", "told")

    def __init__(self, last: float) -> None:
        self.last, self.count, self.told = last, 0, False
        self.gaps: list[float] = []  # the longest ones, sorted
        self.event: Event = {}


class Silence:
    def __init__(self, *, sensor_s: float = 300.0, source_s: float = 3600.0, limit: int = 5000) -> None:
        self.sensor_s, self.source_s, self.limit = sensor_s, source_s, limit
        self._seen: OrderedDict[tuple[str, ...], _Seen] = OrderedDict()
        self._whole: dict[tuple[str, ...], _Seen] = {}  # whose event is as it came
        self._ticked = 0.0
        self._ingested: tuple[Any, float | None] = None, None  # text, time: what was sent together shares it
        self.dropped = 0

    def feed(self, event: Event, time: float) -> list[Finding]:
        ingested = get(event, "event.ingested")
        if ingested != self._ingested[0]:
            self._ingested = ingested, parse_rfc3339(ingested) if isinstance(ingested, str) else None
        when = self._ingested[1] or time
        agency = str(get(event, "organization.id") or "")
        observer, role = get(event, "observer.name"), get(event, "agent.type")
        if not isinstance(observer, str) or len(observer) > CHARS or len(str(role)) > CHARS:
            return []
        if isinstance(role, str):
            self._note((agency, observer, role, ""), when, event)
        dataset = get(event, "event.dataset")
        if isinstance(dataset, str) and len(dataset) <= CHARS and not dataset.startswith("luytre."):
            path = get(event, "log.file.path")
            source = path if isinstance(path, str) and len(path) <= CHARS else dataset
            self._note((agency, observer, str(role or ""), source), when, event)
        return []

    def _note(self, key: tuple[str, ...], when: float, event: Event) -> None:
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(when)
            while len(self._seen) > self.limit:
                self._seen.popitem(last=False)
                self.dropped += 1
        self._seen.move_to_end(key)
        gap = when - seen.last
        if gap > 0:
            if len(seen.gaps) < GAPS or gap > seen.gaps[0]:
                insort(seen.gaps, gap)
                del seen.gaps[:-GAPS]
            seen.last = when
        seen.count += 1
        seen.told = False
        seen.event = event
        self._whole[key] = seen
        if len(self._whole) > WHOLE_LIMIT:
            self._cut()

    def _cut(self) -> None:
        for seen in self._whole.values():
            seen.event = _left(seen.event)
        self._whole.clear()

    def tick(self, now: float) -> list[Finding]:
        self._cut()
        if self._ticked and now - self._ticked > BLIND_S:
            away = now - self._ticked
            for seen in self._seen.values():
                seen.last = min(now, seen.last + away)
        self._ticked = now
        found = []
        for key, seen in list(self._seen.items()):
            quiet = now - seen.last
            if seen.told:
                if quiet > SOURCE_FORGET_S:
                    del self._seen[key]
                continue
            if quiet > self._patience(key, seen):
                seen.told = True
                found.append(_finding(key, seen, quiet, now))
        return found

    def _patience(self, key: tuple[str, ...], seen: _Seen) -> float:
        longest = seen.gaps[-1] if seen.gaps else 0.0
        if not key[3]:
            return max(self.sensor_s, 3 * min(longest, 600.0))
        return max(self.source_s, HABIT * longest) if seen.count >= LEAST_EVENTS else float("inf")

    def snapshot(self) -> Any:
        self._cut()
        seen = [[list(key), s.last, s.count, s.told, s.gaps, s.event] for key, s in self._seen.items()]
        return {"ticked": self._ticked, "dropped": self.dropped, "seen": seen}

    def restore(self, snapshot: Any) -> None:
        self._ticked, self.dropped = snapshot["ticked"], snapshot["dropped"]
        for key, last, count, told, gaps, event in snapshot["seen"]:
            seen = self._seen[tuple(key)] = _Seen(last)
            seen.count, seen.told, seen.gaps, seen.event = count, told, list(gaps), event


def _finding(key: tuple[str, ...], seen: _Seen, quiet: float, now: float) -> Finding:
    _, observer, role, source = key
    group = {"observer.name": observer, "agent.type": role}
    if source:
        group["luytre.source"] = source
    usual = seen.gaps[-1] if seen.gaps else 0.0
    score = min(1.0, quiet / (quiet + max(usual, 1.0)))
    name = f"{source} ({observer})" if source else f"{observer} ({role})"
    facts = {"silent": name, "quiet": _long(quiet, "vi"), "quiet_en": _long(quiet, "en"), "last": rfc3339(seen.last)}
    return Finding(seen.event, group, round(score, 4), 1, (), facts, now)


def _long(seconds: float, language: str) -> str:
    minutes = round(seconds / 60)
    hour, minute = ("giờ", "phút") if language == "vi" else ("h", "min")
    return f"{minutes // 60} {hour} {minutes % 60:02d} {minute}" if minutes >= 60 else f"{max(1, minutes)} {minute}"


def _left(event: Event) -> Event:
    left: Event = {}
    for path in LEFT:
        value = get(event, path)
        if isinstance(value, str):
            put(left, path, value[:CHARS])
    return left


def _event(second: float, role: str = "log", dataset: str = "luytre.heartbeat", observer: str = "gw-1",
           path: str | None = None) -> tuple[float, dict[str, Any]]:  # fmt: skip
    fields: dict[str, Any] = {"event.dataset": dataset, "observer.name": observer, "agent.type": role,
                              "organization.id": "xa-a"}  # fmt: skip
    if path:
        fields["log.file.path"] = path
    return second, fields


_LOG = [_event(10 * i, dataset="nginx.access", path="/var/log/nginx/access.log") for i in range(60)]
_BEATS = [_event(30.0 * i) for i in range(20)]
_LATER = [_event(600 + 30.0 * i) for i in range(150)]

DETECTOR = Detector(
    id="b7a3a1f2-31cc-4a0a-9d0e-64b1c1f0a9d2",
    name="A sensor or one of its sources has gone silent",
    level="medium",
    title={"vi": "Cảm biến hoặc nguồn nhật ký im lặng", "en": "A sensor or log source has gone silent"},
    description={
        "vi": "Một cảm biến hoặc một nguồn của nó không gửi gì lâu hơn thường lệ. Khi im lặng, không có cảnh báo nào "
              "không có nghĩa là an toàn.",
        "en": "A sensor, or one of its sources, has sent nothing for longer than usual. While it is silent, no alert "
              "does not mean no attack.",
    },
    reason={"vi": "{silent} không gửi gì trong {quiet}; lần cuối lúc {last}",
            "en": "{silent} has sent nothing for {quiet_en}; last seen {last}"},
    keys=("observer.name", "agent.type", "luytre.source"),
    reads=(*LEFT, "event.ingested"),
    make=Silence,
    tags=("attack.defense-evasion", "attack.t1562.006"),
    steps={
        "vi": ["Kiểm tra máy đặt cảm biến còn chạy và còn kết nối mạng không.",
               "Chạy `luytre doctor` trên máy đó và xem dịch vụ cảm biến.",
               "Nếu chỉ một nguồn im lặng: kiểm tra dịch vụ ghi nhật ký và quyền đọc tệp.",
               "Nếu có người tắt cảm biến: coi là dấu hiệu xâm nhập, mở sự cố."],
        "en": ["Is the sensor's machine running and connected?",
               "Run `luytre doctor` there and look at the sensor's service.",
               "If only one source is silent: check the logging service and the right to read the file.",
               "If somebody switched it off: treat it as a sign of intrusion, open an incident."],
    },
    examples=(
        Example("a sensor stops", _BEATS, found=True, ticks=[600 + 30.0 * i for i in range(1, 20)]),
        Example("a sensor goes on", [*_BEATS, *_LATER], found=False, ticks=[5100.0, 5130.0, 5160.0]),
        Example("a source stops, the sensor lives", [*_LOG, *_BEATS, *_LATER], found=True,
                ticks=[5100.0, 5110.0]),
        Example("we were away ourselves", _BEATS, found=False, ticks=[600.0, 9000.0, 9030.0]),
    ),
)  # fmt: skip
