"""Ordinary Windows logs through all of SigmaHQ's rules: what fires at high and above, every pair judged by a person.

Third-party data (`evtx_benign`, `sigma_rules` below LUYTRE_CONFORMANCE_DATA or ../shared/data); left out without it.
Of nine files eight are silent. The ninth (python-evtx's issue_43.evtx) is no ordinary log: it records a run of WannaCry
with Sysmon uninstalled around it, and each rule that fires names what was really done there.
"""

import os
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from correlator.engine import Engine
from correlator.inputs import Inputs

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
FILES, RULES = DATA / "evtx_benign" / "evtx_benign.tar.xz", DATA / "sigma_rules" / "sigmahq_rules_open.tar.gz"

# (file, rule) → matches. Judged on 2026-11-22.
TRUE = {
    # tasksche.exe, @WanaDecryptor@.exe, icacls . /grant Everyone:F …: the ransomware itself
    ("issue_43.evtx", "WannaCry Ransomware Activity"): 41,
    # vssadmin delete shadows /all /quiet, wmic shadowcopy delete: started by it
    ("issue_43.evtx", "Shadow Copies Deletion Using Operating Systems Utilities"): 2,
    # Sysmon.exe -u from a shell, and the service's stop that followed
    ("issue_43.evtx", "Uninstall Sysinternals Sysmon"): 2,
    ("issue_43.evtx", "Sysmon Configuration Modification"): 1,
}

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not (FILES.is_file() and RULES.is_file()), reason="no third-party data `evtx_benign`"),
]


def test_nothing_high_fires_on_ordinary_files_but_what_was_really_done(tmp_path: Path) -> None:
    for archive in (FILES, RULES):
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path / archive.name, filter="data")
    engine = Engine.load([tmp_path / RULES.name], [ROOT / "rules" / "pipelines"])
    files = sorted(str(path) for path in (tmp_path / FILES.name).rglob("*.evtx"))
    assert len(files) == 9
    loud: Counter[tuple[str, str]] = Counter()
    for path, event in Inputs(files):
        for match in engine.match(event):
            if match.rule.about.level in ("high", "critical"):
                loud[Path(path).name, match.rule.about.title] += 1
    assert dict(loud) == TRUE
