"""A recorded event → another event of its kind: what every real event has anew, and (for a share of them) new words.

In:  one event as our reader lays it out. Out: the same object, changed: id, times, host, record number, process, thread
and log-on numbers, GUIDs always; with probability `novelty` a random token in each of `LINES`, `TEXTS`, `PATHS` and
`NAMES`, so that no memory of values can know it. It carries what ingest stamps. The same seed gives the same stream.
"""

from __future__ import annotations

import random
import re
from typing import Any

from sensors.clock import rfc3339
from sensors.event import Event

HOSTS = 500
START = 1_795_323_000.0
STEP_S = 0.002

LINES = frozenset(
    ("CommandLine", "ParentCommandLine", "ProcessCommandLine", "HostApplication", "Payload", "ContextInfo")
)
TEXTS = frozenset(("ScriptBlockText",))
NAMES = frozenset(("QueryName", "DestinationHostname"))
PATHS = frozenset(("ServiceFileName", "ImagePath", "TargetFilename", "ImageLoaded", "TargetObject", "Path",
                   "CurrentDirectory", "RelativeTargetName", "PipeName"))  # fmt: skip
_NUMBER = re.compile(r"(?i)(process|thread)_?id$|^(exec)?process_?id$|^threadid$")
_TIMES = re.compile(r"(?i)^(utctime|creationutctime|previouscreationutctime|@timestamp|eventtime|timecreated|"
                    r"eventreceivedtime|systemtime)$")  # fmt: skip
_OTHER = frozenset(
    ("RecordNumber", "EventRecordID", "ScriptBlockId", "ActivityID", "HandleId", "TransactionId", "port")
)
KNOWN_LOGONS = frozenset(("0x0", "0x3e7", "0x3e4", "0x3e5"))  # SYSTEM and the two services: rules ask for them


def is_volatile(name: str) -> bool:
    """Does every event have this field anew?"""
    lower = name.lower()
    return bool(name in _OTHER or "guid" in lower or lower.endswith("logonid") or _NUMBER.search(name)
                or _TIMES.match(name))  # fmt: skip


class Renewer:
    def __init__(self, seed: int, novelty: float) -> None:
        self._random = random.Random(seed)
        self._novelty = novelty
        self._hosts = [f"may-{n:04}.vi-du.gov.vn" for n in range(HOSTS)]
        self._utc = ""
        self.made = self.new = 0

    def __call__(self, event: Event) -> Event:
        draw = self._random
        self.made += 1
        seconds = START + self.made * STEP_S
        when = rfc3339(seconds)
        self._utc = f"{when[:19].replace('T', ' ')}.{int(seconds % 1 * 1000):03}"  # as Sysmon writes it
        host = self._hosts[draw.randrange(HOSTS)]
        own, winlog = event["event"], event["winlog"]
        event["@timestamp"] = when
        own["id"] = f"{draw.getrandbits(128):032x}"
        own["ingested"] = when
        event["host"] = {"name": host}
        event["organization"] = {"id": "so-tttt"}
        event["observer"] = {"id": "s-01", "name": "cb-01"}
        if "related" in event:
            event["related"]["hosts"] = [host]
        winlog["computer_name"] = host
        winlog["record_id"] = self.made
        process = winlog.get("process")
        if isinstance(process, dict):
            process["pid"] = draw.randrange(4, 60_000) & ~3
            if isinstance(process.get("thread"), dict):
                process["thread"]["id"] = draw.randrange(4, 60_000) & ~3
        if "activity_id" in winlog:
            winlog["activity_id"] = self._guid()
        data = winlog.get("event_data")
        if isinstance(data, dict):
            token = ""
            if draw.random() < self._novelty:
                self.new += 1
                token = f"{draw.getrandbits(60):x}"
            self._fields(data, host, token)
        return event

    def _fields(self, data: dict[str, Any], host: str, token: str) -> None:
        for name, value in data.items():
            if not isinstance(value, str):
                if name in ("ProcessId", "ExecutionProcessID", "ThreadID", "ExecutionThreadID"):
                    data[name] = self._random.randrange(4, 60_000)
            elif is_volatile(name):
                data[name] = self._volatile(name.lower(), value)
            elif name in ("Computer", "Hostname", "ComputerName"):
                data[name] = host
            elif token and value:
                if name in LINES:
                    data[name] = f"{value} {token}"
                elif name in TEXTS:
                    data[name] = f"{value}\n# {token}"
                elif name in PATHS:
                    data[name] = inside(value, token)
                elif name in NAMES:
                    data[name] = f"{token}.{value}"

    def _volatile(self, name: str, value: str) -> str:
        draw = self._random
        if name.endswith("logonid"):
            return value if value.lower() in KNOWN_LOGONS else f"0x{draw.getrandbits(28):x}"
        if "guid" in name or name in ("scriptblockid", "activityid", "transactionid"):
            guid = self._guid()
            return guid if value.startswith("{") else guid[1:-1]
        if _TIMES.match(name):
            return self._utc
        if value.lower().startswith("0x"):
            return f"0x{draw.getrandbits(15):x}"
        return str(draw.randrange(4, 60_000)) if value.isdecimal() else value

    def _guid(self) -> str:
        text = f"{self._random.getrandbits(128):032X}"
        return f"{{{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}}}"


def inside(path: str, token: str) -> str:
    r"""A new folder before the last name: C:\a\b.dll → C:\a\token\b.dll; so that `endswith: '\b.dll'` still holds."""
    head, sign, name = path.rpartition("\\")
    return f"{head}\\{token}\\{name}" if sign else f"{path}{token}"
