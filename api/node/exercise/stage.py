"""Puts the scene before the sensors of one agency: appends lines to the files they tail, drops captures they read.

In:  an input folder (`access.log`, `auth.log`, `captures/`), a Manifest. Out: every line and conversation is in the
manifest before a sensor can see it. Captures are made by scapy in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from api.node.exercise.manifest import Manifest
from api.node.exercise.scene import Line

CRAFT_LIMIT_S = 60.0


class Stage:
    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.captures, self._manifest = folder, folder / "captures", manifest
        self.captures.mkdir(parents=True, exist_ok=True)
        self._number = 0
        self.lines = self.packets = 0

    def write(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._manifest.line(line)
            with (self.folder / line.file).open("a", encoding="utf-8") as file:
                file.write(line.text + "\n")
            self.lines += 1

    def capture(self, conversations: Iterable[Mapping[str, Any]]) -> None:
        """One finished capture in the folder that the packet sensor watches."""
        specs = list(conversations)
        for spec in specs:
            self._manifest.conversation(spec)
        self._number += 1
        made = subprocess.run(
            [sys.executable, "-m", "sensors.packets.craft", str(self.captures / f"{self._number:06d}.pcap")],
            input="\n".join(json.dumps(spec) for spec in specs).encode(),
            capture_output=True, timeout=CRAFT_LIMIT_S, check=True,
        )  # fmt: skip
        self.packets += int(made.stdout)
