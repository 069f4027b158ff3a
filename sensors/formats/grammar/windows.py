"""Windows event channels as names of datasets.

`Microsoft-Windows-Sysmon/Operational` → `windows.sysmon_operational`.
"""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def windows_dataset(channel: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", channel.lower().removeprefix("microsoft-windows-")).strip("_")
    return "windows." + (name.removeprefix("windows_") or "unknown")[:64]
