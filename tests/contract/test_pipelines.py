"""Every pipeline file of `rules/pipelines/`: well made, told apart, and its sources can be reached."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from correlator.engine import Engine
from correlator.engine import sources as routing
from correlator.engine.conditions import MISSING
from correlator.engine.rule import LogSource
from correlator.engine.sources import EventView, Source, Sources, flat
from correlator.records import as_event

FOLDER = Path(__file__).resolve().parents[2] / "rules" / "pipelines"
FILES = sorted(FOLDER.glob("*.yaml"))
READ = routing.read([FOLDER])
ALL = routing.load(READ)
ROUTES = Sources(ALL)
KEYS = {"name", "priority", "shared", "uses", "defaults", "sources", "vars", "transformations"}
SOURCE_KEYS = {"name", "when", "logsource", "fields", "prefixes", "values"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_pipeline_file(path: Path) -> None:
    value = yaml.safe_load(path.read_text("utf-8"))
    assert value["name"] == path.stem
    assert set(value) <= KEYS
    assert path.read_text("utf-8").startswith("# ")  # what it is about, and its source
    assert "Source:" in path.read_text("utf-8").partition("name:")[0]
    for source in value["sources"]:
        assert set(source) <= SOURCE_KEYS, source["name"]
        assert source["when"], source["name"]
        assert set(source["logsource"]) <= {"product", "category", "service"}, source["name"]


def test_sources_are_told_apart() -> None:
    names = Counter(source.name for source in ALL)
    assert [name for name, count in names.items() if count > 1] == []
    shadowed = [later.name for place, later in enumerate(ALL) for earlier in ALL[:place]
                if earlier.when == later.when and earlier.logsource == later.logsource]  # fmt: skip
    assert shadowed == []


@pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)
def test_an_event_reaches_it(source: Source) -> None:
    """An event with the values of `when` is of this source, and a rule of exactly its log source meets it there."""
    event = {path: min(wanted) if "*" not in wanted else "x" for path, wanted in source.when}
    found = ROUTES.of(event)
    assert source in found
    first = next(one for one in found if source.logsource.covers(one.logsource))
    assert first.logsource.product == source.logsource.product


# --- how the files are put together --------------------------------------------------------------------------------


def pipelines(folder: Path, **files: str) -> list[Source]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return routing.load(routing.read([folder]))


SHARED = "shared: base\ndefaults: {prefixes: [a.], fields: {One: [x.one], Two: [x.two]}, values: {One: {a: b}}}\n"
USING = """uses: base
defaults: {fields: {Two: [y.two]}}
sources: [{name: s, when: {d: 1}, logsource: {product: p}, fields: {Three: [z.three]}}]
"""


def test_defaults_are_shared_by_name_whatever_the_order(tmp_path: Path) -> None:
    (source,) = pipelines(tmp_path, zz_base=f"priority: 90\n{SHARED}", using=USING)
    assert source.fields == {"One": ("x.one",), "Two": ("y.two",), "Three": ("z.three",)}
    assert source.prefixes == ("a.",)
    assert source.values == {"One": {"a": "b"}}


@pytest.mark.parametrize(("files", "words"), [
    ({"using": USING}, "no pipeline file is shared as base"),
    ({"one": SHARED, "two": SHARED}, "twice"),
    ({"one": "sources: [{name: s, when: {d: 1}, logsource: {product: p}, fields: {X: {any: [a]}}}]"}, "several places"),
    ({"one": "sources: [{name: s, when: {d: 1}, logsource: {colour: p}}]"}, "colour"),
    ({"one": "sources: {a: 1}"}, "list"),
    ({"one": "vars: [a]"}, "mapping"),
])  # fmt: skip
def test_a_file_that_can_not_be_used_is_named(files: dict[str, str], words: str, tmp_path: Path) -> None:
    def used() -> None:
        pipelines(tmp_path, **files)
        routing.placeholders(routing.read([tmp_path]))

    with pytest.raises(ValueError, match=words) as told:
        used()
    assert str(tmp_path) in str(told.value)


# --- Windows: one thing that happened, told by different events ----------------------------------------------------


def windows(channel: str, event_id: int, data: dict[str, Any], provider: str = "") -> dict[str, Any]:
    return {"winlog": {"channel": channel, "event_id": str(event_id), "provider_name": provider, "event_data": data}}


def view(event: dict[str, Any], **logsource: str) -> EventView:
    """The event as a rule of this log source sees it."""
    flattened = flat(event)
    rule = LogSource(**{"product": "windows", **logsource})
    return EventView(flattened, next(one for one in ROUTES.of(flattened) if rule.covers(one.logsource)))


SYSMON, SECURITY = "Microsoft-Windows-Sysmon/Operational", "Security"
HIDDEN = r"\REGISTRY\MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run"
FOUND = [
    # event, category or service, {rule's name: value}
    (windows(SYSMON, 1, {"Image": "C:\\a.exe", "CommandLine": "a -b"}), {"category": "process_creation"},
     {"Image": "C:\\a.exe", "CommandLine": "a -b", "EventID": "1"}),
    (windows(SECURITY, 4688, {"NewProcessName": "C:\\a.exe", "ParentProcessName": "C:\\p.exe", "CommandLine": "a -b",
                              "MandatoryLabel": "S-1-16-12288", "ProcessId": "0x1", "NewProcessId": "0x2"}),
     {"category": "process_creation"},
     {"Image": "C:\\a.exe", "ParentImage": "C:\\p.exe", "CommandLine": "a -b", "IntegrityLevel": "High",
      "ProcessId": "0x2", "ParentProcessId": "0x1"}),
    (windows(SECURITY, 4688, {"NewProcessName": "C:\\a.exe", "ProcessId": "0x1"}), {"service": "security"},
     {"NewProcessName": "C:\\a.exe", "ProcessId": "0x1"}),  # a rule of the channel speaks its names
    (windows(SYSMON, 13, {"TargetObject": "HKLM\\x", "Details": "y"}), {"category": "registry_set"},
     {"TargetObject": "HKLM\\x", "Details": "y"}),
    (windows(SYSMON, 13, {"TargetObject": "HKLM\\x"}), {"category": "registry_event"}, {"TargetObject": "HKLM\\x"}),
    (windows(SECURITY, 4657, {"ObjectName": HIDDEN, "ObjectValueName": "evil", "OperationType": "%%1904",
                              "NewValue": "c:\\x.exe", "ProcessName": "C:\\reg.exe"}), {"category": "registry_set"},
     {"TargetObject": r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\evil", "Details": "c:\\x.exe",
      "Image": "C:\\reg.exe"}),
    (windows(SECURITY, 4657, {"ObjectName": HIDDEN, "ObjectValueName": "evil", "OperationType": "%%1906"}),
     {"category": "registry_delete"}, {"TargetObject": r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\evil"}),
    (windows(SECURITY, 4657, {"OperationType": "%%1904"}), {"category": "registry_event"}, {"TargetObject": MISSING}),
    (windows(SECURITY, 5156, {"Application": r"\device\harddiskvolume3\windows\a.exe", "DestAddress": "10.0.0.1",
                              "DestPort": "3389", "Direction": "%%14593", "Protocol": "6"}),
     {"category": "network_connection"},
     {"Image": r"C:\windows\a.exe", "DestinationIp": "10.0.0.1", "DestinationPort": "3389", "Initiated": "true",
      "Protocol": "tcp"}),
    (windows("Windows PowerShell", 400, {"param1": "Available", "param2": "None", "param3": "HostName=x"}),
     {"category": "ps_classic_start"}, {"Data": ["Available", "None", "HostName=x"]}),
    (windows("Application", 1000, {"param1": "a.exe", "param7": "c0000005"}, "Application Error"),
     {"service": "application"}, {"AppName": "a.exe", "ExceptionCode": "c0000005", "Data": ["a.exe", "c0000005"]}),
    (windows("Application", 11724, {"param1": "only"}), {"service": "application"}, {"Data": "only"}),
    (windows("Microsoft-Windows-Windows Defender/Operational", 1116, {"Threat Name": "X", "Process Name": "p"}),
     {"service": "windefend"}, {"ThreatName": "X", "ProcessName": "p"}),
    (windows("Microsoft-Windows-DNSServer/Audit", 541, {"Setting": "x"}), {"service": "dns-server-audit"},
     {"Setting": "x"}),
    (windows("Some/Channel", 7, {"Name": "x"}), {}, {"Name": "x", "Data": MISSING}),
    ({"event": {"outcome": "failure"}, **windows(SECURITY, 4673, {})}, {"service": "security"},
     {"Keywords": ["0x8010000000000000", "Audit Failure"]}),
    ({"log": {"level": "error"}, **windows("System", 1, {})}, {"service": "system"}, {"Level": ["2", "Error"]}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "logsource", "expected"), FOUND,
                         ids=[f"{e['winlog']['event_id']} {s or 'any'}" for e, s, _ in FOUND])  # fmt: skip
def test_a_windows_event_as_a_rule_sees_it(event: dict[str, Any], logsource: dict[str, str],
                                           expected: dict[str, Any]) -> None:  # fmt: skip
    seen = view(event, **logsource)
    assert {name: seen.value(name) for name in expected} == expected


@pytest.mark.parametrize(("event", "logsource", "expected"), FOUND,
                         ids=[f"{e['winlog']['event_id']} {s or 'any'}" for e, s, _ in FOUND])  # fmt: skip
def test_the_engine_sees_the_same(event: dict[str, Any], logsource: dict[str, str], expected: dict[str, Any],
                                  tmp_path: Path) -> None:  # fmt: skip
    """Engine.match reads columns, not views."""
    selection: dict[str, Any] = {}
    for name, value in expected.items():
        if value is MISSING:
            selection[f"{name}|exists"] = False
        else:
            selection[f"{name}|all" if isinstance(value, list) else name] = [
                part.replace("\\", "\\\\") for part in (value if isinstance(value, list) else [value])]  # fmt: skip
    rule = {"title": "Seen", "logsource": {"product": "windows", **logsource},
            "detection": {"selection": selection, "condition": "selection"}}  # fmt: skip
    (tmp_path / "rule.yml").write_text(yaml.safe_dump(rule), "utf-8")
    engine = Engine.load([tmp_path], [FOLDER])
    assert not engine.refused
    assert engine.match(event)


def test_the_evtx_s_own_json_meets_the_same_rules() -> None:
    def read(channel: str, code: int, data: dict[str, Any]) -> dict[str, Any] | None:
        system = {"Provider": {"#attributes": {"Name": "P"}}, "EventID": code, "Channel": channel, "Computer": "pc"}
        return as_event({"Event": {"System": system, "EventData": data}})

    event = read(SYSMON, 1, {"Image": "C:\\a.exe"})
    assert event is not None
    assert view(event, category="process_creation").value("Image") == "C:\\a.exe"
    event = read("Windows PowerShell", 400, {"Data": {"#text": ["Available", "HostName=x"]}})
    assert event is not None
    assert view(event, category="ps_classic_start").value("Data") == ["Available", "HostName=x"]
