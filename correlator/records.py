"""Event files of others → our layout, where it differs: Windows events as flat JSON or as the EVTX's own tree.

In:  one decoded JSON object. Out: an event as Winlogbeat lays it out, or the object itself when it is an event already,
or None when it is neither (then the sensors' formats should read it).
Source: evtx_dump's and NXLog's JSON; Winlogbeat's exported fields.
"""

from __future__ import annotations

from typing import Any

from sensors.event import Event, put

_SYSTEM = frozenset({"Provider", "EventID", "Channel", "Computer", "TimeCreated", "EventRecordID"})


def as_event(record: Any) -> Event | None:
    if not isinstance(record, dict):
        return None
    inner = record.get("Event")
    if isinstance(inner, dict) and isinstance(inner.get("System"), dict):
        return _tree(inner)
    if "EventID" in record and "Channel" in record:
        return _flat(record)
    if isinstance(record.get("event"), dict) or "event.dataset" in record or "winlog" in record or (
        "@timestamp" in record and "ecs" in record
    ):  # fmt: skip
        return record
    return None


def _tree(record: dict[str, Any]) -> Event:
    system = record["System"]
    provider = _attributes(system.get("Provider"))
    code = _text(system.get("EventID"))
    event: Event = {}
    put(event, "@timestamp", _attributes(system.get("TimeCreated")).get("SystemTime"))
    _base(event, _text(system.get("Channel")), code, provider.get("Name"), _text(system.get("Computer")))
    put(event, "winlog.record_id", _text(system.get("EventRecordID")))
    user = _attributes(system.get("Security")).get("UserID")
    if user:
        put(event, "winlog.user.identifier", user)
    for name in ("Level", "Task", "Opcode", "Keywords"):
        if system.get(name) is not None:
            put(event, f"winlog.{name.lower()}", _text(system[name]))
    data = record.get("EventData")
    if isinstance(data, dict):
        put(event, "winlog.event_data", _data(data))
    user_data = record.get("UserData")
    if isinstance(user_data, dict):
        for value in user_data.values():
            if isinstance(value, dict):
                put(event, "winlog.user_data", {k: v for k, v in value.items() if k != "#attributes"})
    return event


def _flat(record: dict[str, Any]) -> Event:
    event: Event = {}
    stamp = record.get("@timestamp") or record.get("TimeCreated") or record.get("EventTime") or record.get("UtcTime")
    put(event, "@timestamp", _stamp(stamp))
    computer = record.get("Computer") or record.get("Hostname") or record.get("host")
    _base(event, _text(record["Channel"]), _text(record["EventID"]),
          record.get("Provider_Name") or record.get("SourceName") or record.get("ProviderName"),
          computer if isinstance(computer, str) else None)  # fmt: skip
    if isinstance(record.get("Message"), str):
        put(event, "message", record["Message"])
    put(event, "winlog.event_data", {k: v for k, v in record.items() if k not in ("@timestamp", "Message", "tags")})
    return event


def _base(event: Event, channel: Any, code: Any, provider: Any, computer: Any) -> None:
    put(event, "winlog.channel", channel)
    put(event, "winlog.event_id", code)
    put(event, "winlog.provider_name", provider)
    put(event, "event.code", code)
    put(event, "event.provider", provider)
    put(event, "event.dataset", "windows.forwarded")
    if computer:
        put(event, "winlog.computer_name", computer)
        put(event, "host.name", computer)


def _attributes(value: Any) -> dict[str, Any]:
    found = value.get("#attributes") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _data(values: dict[str, Any]) -> dict[str, Any]:
    """Unnamed <Data> with attributes is {"#text": …}; what it holds stands under `Data`."""
    return {name: value["#text"] if isinstance(value, dict) and "#text" in value else value
            for name, value in values.items() if name != "#attributes"}  # fmt: skip


def _text(value: Any) -> Any:
    """An element with attributes keeps its text under "#text"."""
    return value.get("#text") if isinstance(value, dict) else value


def _stamp(value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip().replace(" ", "T", 1)
        return text if text.endswith("Z") or "+" in text[10:] else text + "Z"
    return None
