"""The streams that the engine is measured with: fresh where real events are, seeded, new words in the share asked."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from correlator.peer import EVENT_ID, Flattener
from sensors.event import encode
from tests.bench.streams.make import PIPELINES, write
from tests.bench.streams.renew import Renewer, inside, is_volatile

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def recorded(channel: str = SYSMON, code: str = "1", **data: Any) -> dict[str, Any]:
    return {
        "@timestamp": "2020-01-01T00:00:00Z", "event": {"id": "old", "dataset": "windows.sysmon", "code": code},
        "host": {"name": "old"}, "winlog": {"channel": channel, "event_id": code, "provider_name": "P", "record_id": 7,
        "computer_name": "old", "process": {"pid": 1, "thread": {"id": 2}}, "event_data": data},
    }  # fmt: skip


PROCESS = {
    "CommandLine": r"cmd /c whoami", "Image": r"C:\Windows\cmd.exe", "ProcessGuid": "{A}", "ProcessId": "12",
    "LogonId": "0x3e7", "SubjectLogonId": "0x1234", "UtcTime": "2020-01-01 00:00:00.000",
}  # fmt: skip


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    events = [
        recorded(**PROCESS),
        recorded(code="13", TargetObject=r"HKLM\Software\Run\x", EventType="SetValue"),
        recorded("Security", "4688", NewProcessName=r"C:\a.exe", CommandLine="a -b", MandatoryLabel="S-1-16-12288"),
    ]  # fmt: skip
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return path


def test_nothing_of_the_recording_that_is_new_in_real_life_is_left() -> None:
    event = Renewer(1, 0.0)(recorded(**PROCESS))
    data = event["winlog"]["event_data"]
    assert event["event"]["id"] != "old"
    assert event["host"]["name"] != "old" != event["winlog"]["computer_name"]
    assert event["@timestamp"].startswith("2026-")
    assert data["UtcTime"].startswith("2026-")
    assert data["ProcessGuid"] != "{A}"
    assert data["SubjectLogonId"] != "0x1234"
    assert data["LogonId"] == "0x3e7", "the system's own session is known by its number"
    assert data["CommandLine"] == PROCESS["CommandLine"]
    assert data["Image"] == PROCESS["Image"]


def test_new_words_keep_what_rules_look_for() -> None:
    event = Renewer(1, 1.0)(recorded(**PROCESS, TargetFilename=r"C:\x\evil.dll"))
    data = event["winlog"]["event_data"]
    assert data["CommandLine"].startswith(PROCESS["CommandLine"] + " ")
    assert data["TargetFilename"].startswith("C:\\x\\")
    assert data["TargetFilename"].endswith("\\evil.dll")
    assert inside("nothing", "t") == "nothingt"


def test_the_share_of_new_words_is_the_one_asked() -> None:
    renew = Renewer(3, 0.2)
    for _ in range(2_000):
        renew(recorded(**PROCESS))
    assert 330 < renew.new < 470


@pytest.mark.parametrize("mix", ["mix", "endpoint"])
def test_the_same_seed_gives_the_same_bytes(base: Path, tmp_path: Path, mix: str) -> None:
    for name in ("a", "b"):
        write(base, tmp_path / name, count=50, novelty=0.5, mix=mix, seed=4)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    write(base, tmp_path / "c", count=50, novelty=0.5, mix=mix, seed=5)
    assert (tmp_path / "a.jsonl").read_bytes() != (tmp_path / "c.jsonl").read_bytes()


def test_both_forms_hold_the_same_events_in_the_same_order(base: Path, tmp_path: Path) -> None:
    write(base, tmp_path / "s", count=30, novelty=0.5)
    ours, theirs = lines_of(tmp_path / "s.jsonl"), lines_of(tmp_path / "s.flat.jsonl")
    assert [event["event"]["id"] for event in ours] == [flat[EVENT_ID] for flat in theirs]
    assert len({flat[EVENT_ID] for flat in theirs}) == 30


def test_endpoint_is_mostly_process_creation(base: Path, tmp_path: Path) -> None:
    write(base, tmp_path / "s", count=1_000, novelty=0.0, mix="endpoint")
    tagged = [flat["category"] for flat in lines_of(tmp_path / "s.flat.jsonl")]
    assert tagged.count("process_creation") > tagged.count("registry_set") * 2


def test_the_peer_is_given_the_names_and_tags_that_its_rules_ask_for() -> None:
    flatten = Flattener([PIPELINES])
    flat = flatten(recorded("Security", "4688", NewProcessName="C:\\a.exe", MandatoryLabel="S-1-16-12288"))
    assert (flat["product"], flat["service"], flat["category"]) == ("windows", "security", "process_creation")
    assert (flat["Image"], flat["IntegrityLevel"], flat["Channel"], flat["EventID"]) == (
        "C:\\a.exe", "High", "Security", "4688")  # fmt: skip
    assert "category" not in flatten(recorded("System", "7045"))
    device = r"\device\harddiskvolume2\windows\system32\lsass.exe"
    assert flatten(recorded("Security", "5156", Application=device))["Image"] == r"C:\windows\system32\lsass.exe"


def test_a_strangers_tag_is_no_log_source() -> None:
    assert Flattener([PIPELINES])(recorded("System", "7045", category="process_creation")).get("category") is None


@pytest.mark.parametrize(("name", "volatile"), [
    ("ProcessGuid", True), ("UtcTime", True), ("ParentProcessId", True), ("TargetLogonId", True),
    ("CommandLine", False), ("EventID", False), ("LogonType", False),
])  # fmt: skip
def test_what_every_event_has_anew(name: str, volatile: bool) -> None:
    assert is_volatile(name) is volatile
