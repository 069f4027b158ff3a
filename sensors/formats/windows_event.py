"""One Windows event in the layout that the `evtx` library and `evtx_dump -o jsonl` write: {"Event": {"System": …}}.

Out: `winlog.*` as Winlogbeat 8 lays it out (event data as strings, unnamed data as param1…), so that public Sigma
pipelines fit; dataset `windows.<channel>`; ECS names for who, from where, which program, for the events listed here.
Source: https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog, Microsoft's event schema
        (https://learn.microsoft.com/windows/win32/wes/eventschema-schema)
"""

from __future__ import annotations

import re
from typing import Any

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.text import address, visible, whole
from sensors.formats.grammar.times import iso
from sensors.formats.grammar.windows import windows_dataset

_LEVELS = {1: "critical", 2: "error", 3: "warning", 4: "information", 5: "verbose"}
_AUDIT_FAILURE, _AUDIT_SUCCESS = 0x10000000000000, 0x20000000000000  # keywords winmeta.xml
_BARE_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_DATA_LIMIT = 512

_LOGON = ("authentication", {"user.name": "TargetUserName", "user.domain": "TargetDomainName",
          "source.ip": "IpAddress", "source.port": "IpPort", "source.domain": "WorkstationName",
          "process.executable": "ProcessName"})  # fmt: skip
_START = {"process.executable": "NewProcessName", "process.command_line": "CommandLine",
          "process.parent.executable": "ParentProcessName", "user.name": "SubjectUserName",
          "user.domain": "SubjectDomainName"}  # fmt: skip
_ACCOUNT = ("iam", {"user.name": "SubjectUserName", "user.target.name": "TargetUserName"})
_SYSMON = {"process.executable": "Image", "user.name": "User", "process.pid": "ProcessId"}
# (channel, event id) → category, {ECS name: name in the event's data}
_EVENTS: dict[tuple[str, int], tuple[str, dict[str, str]]] = {
    **{("Security", code): _LOGON for code in (4624, 4625, 4648, 4768, 4769, 4771, 4776)},
    **{("Security", code): _ACCOUNT for code in (4720, 4722, 4723, 4724, 4725, 4726, 4728, 4732, 4738, 4740, 4756)},
    ("Security", 4688): ("process", _START),
    ("System", 7045): ("configuration", {"service.name": "ServiceName", "process.executable": "ImagePath"}),
    ("Microsoft-Windows-Sysmon/Operational", 1): ("process", {
        **_SYSMON, "process.command_line": "CommandLine", "process.parent.executable": "ParentImage",
        "process.parent.command_line": "ParentCommandLine", "process.parent.pid": "ParentProcessId"}),
    ("Microsoft-Windows-Sysmon/Operational", 3): ("network", {
        **_SYSMON, "source.ip": "SourceIp", "source.port": "SourcePort", "destination.ip": "DestinationIp",
        "destination.port": "DestinationPort", "destination.domain": "DestinationHostname",
        "network.transport": "Protocol"}),
    ("Microsoft-Windows-Sysmon/Operational", 11): ("file", {**_SYSMON, "file.path": "TargetFilename"}),
    ("Microsoft-Windows-Sysmon/Operational", 13): ("registry", {**_SYSMON, "registry.path": "TargetObject"}),
    ("Microsoft-Windows-Sysmon/Operational", 22): ("network", {**_SYSMON, "dns.question.name": "QueryName"}),
}  # fmt: skip


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("Event"), dict)


def parse(payload: Payload, context: Context) -> Parsed | None:
    event = payload.get("Event") if isinstance(payload, dict) else None
    system = event.get("System") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(system, dict):
        return None
    out: dict[str, Any] = {"event.module": "windows", "event.kind": "event"}
    provider, channel = _attributes(system.get("Provider")), _string(system.get("Channel"))
    code = _string(_text(system.get("EventID")))
    out["event.code"] = out["winlog.event_id"] = code
    out["event.provider"] = out["winlog.provider_name"] = _string(provider.get("Name"))
    out["winlog.provider_guid"] = _guid(provider.get("Guid"))
    out["winlog.channel"] = channel
    computer = _string(system.get("Computer"))
    out["winlog.computer_name"] = out["host.name"] = computer
    if computer:
        out["related.hosts"] = [computer]
    out["winlog.record_id"] = whole(system.get("EventRecordID"))
    for name, key in (("version", "Version"), ("task", "Task"), ("opcode", "Opcode")):
        out[f"winlog.{name}"] = _string(system.get(key))
    out["log.level"] = _LEVELS.get(system.get("Level", 0) if isinstance(system.get("Level"), int) else 0, "information")
    execution = _attributes(system.get("Execution"))
    out["winlog.process.pid"] = whole(execution.get("ProcessID"))
    out["winlog.process.thread.id"] = whole(execution.get("ThreadID"))
    correlation = _attributes(system.get("Correlation"))
    out["winlog.activity_id"] = _guid(correlation.get("ActivityID"))
    out["winlog.related_activity_id"] = _guid(correlation.get("RelatedActivityID"))
    out["winlog.user.identifier"] = _string(_attributes(system.get("Security")).get("UserID"))
    _keywords(_string(system.get("Keywords")), out)
    data = _data(event.get("EventData"))
    out["winlog.event_data"] = data or None
    users = event.get("UserData")
    if isinstance(users, dict) and users:
        name, inner = next(iter(users.items()))
        out["winlog.user_data"] = {"xml_name": name, **_data(inner)}
    broken = event.get("ProcessingErrorData")
    if isinstance(broken, dict):
        out["winlog.processing_error_data"] = _data(broken)
    _ecs(channel or "", whole(code), data, out)
    stamp = _attributes(system.get("TimeCreated")).get("SystemTime")
    when = iso(stamp, context.zone) if isinstance(stamp, str) else None
    return Parsed(out, when, dataset=windows_dataset(channel or out["event.provider"] or ""))


def _ecs(channel: str, code: int | None, data: dict[str, str], out: dict[str, Any]) -> None:
    category, names = _EVENTS.get((channel, code or 0), ("", {}))
    if not category:
        return
    out["event.category"] = [category]
    for name, key in names.items():
        value: Any = data.get(key)
        if value in (None, "", "-"):
            continue
        if name.endswith(".ip"):
            value = address(value)
        elif name.endswith((".port", ".pid")):
            value = whole(value) or None
        elif name == "user.name" and "\\" in value:
            out["user.domain"], _, value = value.partition("\\")
        elif name == "network.transport":
            value = value.lower()
        if value is not None:
            out[name] = value
    for name in ("process", "process.parent"):
        path = out.get(f"{name}.executable")
        if path:
            out[f"{name}.name"] = path.rpartition("\\")[2]
    users = {out[name] for name in ("user.name", "user.target.name") if name in out}
    if users:
        out["related.user"] = sorted(users)
    if "source.ip" in out:
        out["related.ip"] = [out["source.ip"]]
    if category == "authentication":
        out["event.action"] = "logon-failed" if out.get("event.outcome") == "failure" else "logged-in"
    hashes = dict(part.partition("=")[::2] for part in data.get("Hashes", "").split(",") if "=" in part)
    for key in ("MD5", "SHA1", "SHA256"):
        if key in hashes and category == "process":
            out[f"process.hash.{key.lower()}"] = hashes[key].lower()


def _keywords(text: str | None, out: dict[str, Any]) -> None:
    try:
        bits = int(text or "0", 16)
    except ValueError:
        return
    if bits & _AUDIT_FAILURE:
        out["winlog.keywords"], out["event.outcome"] = ["Audit Failure"], "failure"
    elif bits & _AUDIT_SUCCESS:
        out["winlog.keywords"], out["event.outcome"] = ["Audit Success"], "success"


def _data(part: Any) -> dict[str, str]:
    """Named data as they are called; `<Data>` without a name as param1, param2, …, as Winlogbeat numbers them."""
    out: dict[str, str] = {}
    if not isinstance(part, dict):
        return out
    for key, value in list(part.items())[:_DATA_LIMIT]:
        if key == "#attributes":
            continue
        if key == "Data":
            inner = _text(value)
            for number, one in enumerate(inner if isinstance(inner, list) else [inner], 1):
                text = _string(one)
                if text is not None:
                    out[f"param{number}"] = text
            continue
        text = _string(_text(value))
        if text is not None:
            out[key] = (_guid(text) or text) if key.lower().endswith("guid") else text
    return out


def _attributes(part: Any) -> dict[str, Any]:
    inner = part.get("#attributes") if isinstance(part, dict) else None
    return inner if isinstance(inner, dict) else {}


def _text(part: Any) -> Any:
    return part.get("#text") if isinstance(part, dict) and "#text" in part else part


def _guid(value: Any) -> str | None:
    text = _string(value)
    return f"{{{text}}}" if text and _BARE_GUID.match(text) else text


def _string(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return visible(repr(value))[:4096]  # a structure where Windows has text


FORMAT = Format(
    dataset="windows.event",
    kind="body",
    match=match,
    parse=parse,
    rank=30,
    fields=(
        Field("winlog.activity_id"),
        Field("winlog.keywords"),
        Field("winlog.opcode"),
        Field("winlog.process.pid", "long"),
        Field("winlog.process.thread.id", "long"),
        Field("winlog.provider_guid"),
        Field("winlog.related_activity_id"),
        Field("winlog.task"),
        Field("winlog.user.identifier"),
        Field("winlog.version"),
        Field("process.hash.sha256"),
        Field("process.hash.sha1"),
        Field("process.hash.md5"),
    ),
    examples=(
        Example(
            '{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Security-Auditing",'
            '"Guid":"54849625-5478-4994-A5BA-3E3B0328C30D"}},"EventID":4625,"Version":0,"Level":0,"Task":12544,'
            '"Opcode":0,"Keywords":"0x8010000000000000","TimeCreated":{"#attributes":{"SystemTime":'
            '"2026-07-18T20:40:00.730676Z"}},"EventRecordID":37,"Execution":{"#attributes":{"ProcessID":624,'
            '"ThreadID":5500}},"Channel":"Security","Computer":"PC-01"},"EventData":{"TargetUserName":"lan",'
            '"IpAddress":"198.51.100.9","IpPort":"4022","LogonType":3}}}',
            {"@timestamp": "2026-07-18T20:40:00.730676Z", "event.dataset": "windows.security", "event.code": "4625",
             "winlog.event_data.LogonType": "3", "event.outcome": "failure", "user.name": "lan",
             "source.ip": "198.51.100.9", "source.port": 4022, "host.name": "PC-01", "winlog.record_id": 37,
             "winlog.provider_guid": "{54849625-5478-4994-A5BA-3E3B0328C30D}",
             "event.category": ["authentication"], "json.Event": None},
        ),
        Example(
            '{"Event":{"System":{"Provider":{"#attributes":{"Name":"PowerShell"}},"EventID":{"#attributes":'
            '{"Qualifiers":0},"#text":800},"Channel":"Windows PowerShell","Computer":"PC-01","EventRecordID":1,'
            '"TimeCreated":{"#attributes":{"SystemTime":"2026-08-26T05:09:29Z"}}},'
            '"EventData":{"Data":{"#text":["a","b"]},"Binary":null}}}',
            {"event.dataset": "windows.powershell", "winlog.event_data.param2": "b", "event.code": "800"},
        ),
    ),
)  # fmt: skip
