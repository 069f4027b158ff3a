"""A JSON object on a line: an ECS document of someone's logger or shipper, or anybody's own keys.

An ECS document (it has `@timestamp` and an ECS object) passes through with its fields, dotted keys nested; what only
our machinery may say (`luytre.*`, `organization.*`, `observer.*`, `agent.*`, `event.id`, kind alert) is taken off,
the kind kept as `luytre.claimed.kind`. Other objects stand under `json.*`, their time, level and text promoted.
The object is handed on too: a body (Suricata, Windows) may know it. syslog's `@cee:` cookie is understood.
Bound: depth 16, 1,000 keys, numbers of 64 bits; what is over is cut and the event marked `luytre.truncated`.
Source: https://www.elastic.co/docs/reference/ecs, RFC 8259
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sensors.event import put
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.text import visible, whole
from sensors.formats.grammar.times import iso
from sensors.formats.grammar.windows import windows_dataset

DEPTH_LIMIT, KEYS_LIMIT, KEY_LIMIT = 16, 1000, 256
_OURS = ("luytre", "organization", "observer", "agent")
_ECS = ("ecs", "event", "log", "host", "service", "process", "winlog", "http", "source", "user", "error", "message")
_DATASET = re.compile(r"(?!luytre\.|network\.|service\.availability)[a-z0-9_]{1,32}(?:\.[a-z0-9_]{1,64}){0,3}\Z")
_TIME = ("@timestamp", "timestamp", "time", "ts", "datetime", "date", "eventTime", "TimeCreated")
_TEXT = ("message", "msg", "log", "MESSAGE", "event_message")
_LEVEL = ("level", "severity", "log.level", "levelname", "lvl")
_decode = msgspec.json.Decoder().decode


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, dict) or payload.startswith(("{", "@cee:", " {"))


def parse(payload: Payload, context: Context) -> Parsed | None:
    if isinstance(payload, str):
        try:
            payload = _decode(payload.removeprefix("@cee:"))
        except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
            return None
    if not isinstance(payload, dict):
        return None
    bounded = _Bounded()
    document = bounded.nested(payload)
    when = next((found for key in _TIME if (found := _when(payload.get(key), context)) is not None), None)
    fields: dict[str, Any] = {"luytre.truncated": True} if bounded.cut else {}
    if "@timestamp" in document and any(key in document for key in _ECS):
        return _ecs(document, when, fields)
    fields["json"] = document
    text = next((payload[key] for key in _TEXT if isinstance(payload.get(key), str)), None)
    if text is not None:
        fields["message"] = visible(text)
    level = next((payload[key] for key in _LEVEL if isinstance(payload.get(key), str)), None)
    if level is not None:
        fields["log.level"] = level.lower()[:64]
    return Parsed(fields, when, document)


def _ecs(document: dict[str, Any], when: float | None, fields: dict[str, Any]) -> Parsed:
    document.pop("@timestamp")
    for name in _OURS:
        document.pop(name, None)
    dataset = ""
    event = document.get("event")
    if isinstance(event, dict):
        for key in ("id", "sequence", "ingested", "created"):
            event.pop(key, None)
        if event.get("kind") in ("alert", "signal"):
            fields["luytre.claimed.kind"] = event.pop("kind")
        claimed = event.pop("dataset", None)
        if isinstance(claimed, str) and _DATASET.match(claimed):
            dataset = claimed
    elif event is not None:
        fields["json.event"] = document.pop("event")
    for name in ("host", "service", "process", "log", "user", "error", "source", "destination", "http", "url"):
        if name in document and not isinstance(document[name], dict):  # a plain value where ECS has an object
            fields[f"json.{name}"] = document.pop(name)
    if isinstance(document.get("message"), str):
        fields["message"] = visible(document["message"])
    winlog = document.get("winlog")
    if isinstance(winlog, dict) and isinstance(winlog.get("channel"), str):  # Winlogbeat names no dataset
        dataset = dataset or windows_dataset(winlog["channel"])
    return Parsed(fields, when, dataset=dataset, document=document)


class _Bounded:
    def __init__(self) -> None:
        self.left = KEYS_LIMIT
        self.cut = False

    def nested(self, value: dict[str, Any], depth: int = 0) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, inner in value.items():
            self.left -= 1
            if self.left < 0 or len(key) > KEY_LIMIT or key.count(".") + depth >= DEPTH_LIMIT:
                self.cut = True
                continue
            kept = inner if inner.__class__ is str else self._value(inner, depth + 1)
            if kept is None:
                continue
            if "." in key and all(key.split(".")):
                put(out, key, kept)
            elif isinstance(kept, dict) and isinstance(out.get(key), dict):
                out[key] |= kept
            else:
                out[key] = kept
        return out

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict | list) and depth >= DEPTH_LIMIT:
            self.cut = True
            return None
        if isinstance(value, dict):
            return self.nested(value, depth)
        if isinstance(value, list):
            out = []
            for inner in value:
                self.left -= 1
                if self.left < 0:
                    self.cut = True
                    break
                out.append(self._value(inner, depth + 1))
            return out
        if isinstance(value, int) and not isinstance(value, bool) and whole(value) is None:
            return float(value) if abs(value) < 1 << 1000 else str(value)[:64]
        return value


def _when(value: Any, context: Context) -> float | None:
    """RFC 3339 text, or epoch seconds, milliseconds, microseconds or nanoseconds by their size."""
    if isinstance(value, str):
        return iso(value, context.zone) if len(value) <= 40 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for unit in (1, 1e3, 1e6, 1e9):
        if 1e8 <= value / unit < 1e10:  # 1973 to 2286
            return float(value / unit)
    return None


FORMAT = Format(
    dataset="json.line",
    kind="envelope",
    match=match,
    parse=parse,
    rank=20,
    examples=(
        Example(
            '{"@timestamp":"2026-11-22T04:05:06.789Z","log.level":"error","message":"không nối được",'
            '"ecs.version":"9.0.0","service":{"name":"cong-dich-vu"},"event":{"dataset":"congdv.app","kind":"alert"},'
            '"observer":{"name":"x"},"luytre":{"hit":{"level":"critical"}}}',
            {"@timestamp": "2026-11-22T04:05:06.789000Z", "event.dataset": "congdv.app", "log.level": "error",
             "message": "không nối được", "service.name": "cong-dich-vu", "event.kind": "event", "observer.name": None,
             "luytre.hit.level": None, "luytre.claimed.kind": "alert"},
        ),
        Example(
            '{"ts":1732248306.5,"level":"WARN","msg":"disk full","a.b":{"c":1},"host":"db1"}',
            {"@timestamp": "2024-11-22T04:05:06.500000Z", "event.dataset": "json.line", "log.level": "warn",
             "message": "disk full", "json.a.b.c": 1, "json.host": "db1", "host.name": None},
        ),
        Example(
            'Feb  5 17:32:18 db1 app[7]: @cee: {"msg":"xong","id":18446744073709551616}',
            {"event.dataset": "json.line", "host.name": "db1", "process.name": "app", "message": "xong",
             "json.id": 1.8446744073709552e19},
        ),
    ),
)  # fmt: skip
