"""MITRE ATT&CK from a file on disk: technique → tactics, and names. Nothing is fetched.

In:  MITRE's own STIX bundle (`enterprise-attack.json`), or a JSON line a technique {"id", "name", "tactics",
"deprecated", "revoked"}. Out: what is current. Raises LuytreError when the file is neither.
Source: https://github.com/mitre-attack/attack-stix-data (STIX 2.1, kill chain "mitre-attack").
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensors.errors import LuytreError, Place, Problem

FILE_LIMIT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Technique:
    id: str
    name: str
    tactics: frozenset[str]


def techniques(path: Path) -> dict[str, Technique]:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT_BYTES)
        rows = _stix(json.loads(data)) if data.lstrip()[:1] == b"{" and b'"bundle"' in data[:400] else [
            json.loads(line) for line in data.splitlines() if line.strip()]  # fmt: skip
        found = {row["id"]: Technique(str(row["id"]), str(row["name"]), frozenset(map(str, row["tactics"])))
                 for row in rows if not (row.get("deprecated") or row.get("revoked"))}  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LuytreError(Problem("LT-R0313", f"không phải dữ liệu ATT&CK: {error}"[:300],
                                  f"not ATT&CK's data: {error}"[:300], Place(str(path)))) from None  # fmt: skip
    return found


def _stix(bundle: Any) -> Iterable[dict[str, Any]]:
    for one in bundle["objects"]:
        if one.get("type") != "attack-pattern":
            continue
        ids = [ref["external_id"] for ref in one.get("external_references", ())
               if ref.get("source_name") == "mitre-attack"]  # fmt: skip
        if ids:
            yield {"id": ids[0], "name": one["name"], "revoked": one.get("revoked"),
                   "deprecated": one.get("x_mitre_deprecated"),
                   "tactics": [phase["phase_name"] for phase in one.get("kill_chain_phases", ())
                               if phase.get("kill_chain_name") == "mitre-attack"]}  # fmt: skip
