"""What is really loaded beside scapy (GPL-2.0-only) has a licence that fits it; what does not cannot be imported."""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Compatible with GPL-2.0-only, by https://www.gnu.org/licenses/license-list.html.
FITS = re.compile(
    r"mit|mit-0|mit license|bsd|bsd-[23]-clause|0bsd|isc|psf-2\.0|python-2\.0|zlib|cc0-1\.0|unlicense"
    r"|gpl-2\.0(-only|-or-later)?"
    r"|lgpl-2\.1.*|gplv2|gnu general public license v2.*|bsd license|python software foundation license", re.IGNORECASE
)  # fmt: skip
_CHILD = """
import json, sys
from sensors.packets.licence import guard
guard()
from sensors.roles import packet
from sensors.spool.writer import SpoolWriter
from sensors.sources.pcap_folder import PcapFolder
from sensors.sources import live
from sensors.protocols import load
load()
from scapy.arch.linux import L2ListenSocket
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def child(code: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)


def fits(expression: str) -> bool:
    """OR may choose, AND may not; AND binds closer (SPDX annex D)."""
    flat = expression.replace("(", " ").replace(")", " ")
    return any(
        all(FITS.fullmatch(part.strip()) for part in re.split(r"\s+AND\s+", choice))
        for choice in re.split(r"\s+OR\s+", flat)
    )


def licence_of(name: str) -> str:
    meta = metadata.metadata(name)
    if expression := meta.get("License-Expression"):
        return expression
    classified = [c.rpartition(" :: ")[2] for c in meta.get_all("Classifier") or [] if c.startswith("License :: ")]
    return meta.get("License") if not classified else " OR ".join(classified)  # type: ignore[return-value]


def test_every_loaded_distribution_fits() -> None:
    done = child(_CHILD)
    assert done.returncode == 0, done.stderr
    loaded = [name for name in json.loads(done.stdout.splitlines()[-1]) if name not in sys.stdlib_module_names]
    owners = metadata.packages_distributions()
    distributions = {owner for name in loaded for owner in owners.get(name, ())} - {"luytre", "setuptools"}
    assert {"scapy", "msgspec"} <= {name.lower() for name in distributions}
    for name in sorted(distributions):
        assert fits(licence_of(name)), f"{name}: {licence_of(name)!r} does not fit GPL-2.0-only"


@pytest.mark.parametrize("name", ["prometheus_client", "requests", "fastapi", "correlator.hit", "api", "elasticsearch"])
def test_what_is_not_listed_cannot_be_imported(name: str) -> None:
    done = child(f"from sensors.packets.licence import guard\nguard()\nguard()\nimport {name}")
    assert done.returncode == 1
    assert "may not be loaded beside scapy" in done.stderr


def test_nothing_else_of_ours_loads_scapy() -> None:
    """A replay, the log role and the protocols run without it."""
    code = "import sys, sensors.packets.replay, sensors.sources.pcap_folder, sensors.roles.packet\n"
    code += "from sensors.protocols import load; load()\nprint('scapy' in sys.modules)"
    assert child(code).stdout.strip() == "False"


def test_the_rule_of_and_and_or() -> None:
    assert fits("Apache-2.0 OR BSD-3-Clause")
    assert not fits("Apache-2.0 AND BSD-2-Clause")
    assert fits("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0")
    assert not fits("Apache-2.0")
    assert not fits("LGPL-3.0-only")
