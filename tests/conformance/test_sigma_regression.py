"""SigmaHQ's own regression cases: each rule over the events recorded for it, matched as often as SigmaHQ counted.

Third-party data (`sigma_regression` below LUYTRE_CONFORMANCE_DATA or ../shared/data); left out without it. Three files
hold more records that satisfy the rule's own words than the case counts; they are named here with the true number.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from correlator.engine import Engine
from correlator.inputs import Inputs

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data")) / "sigma_regression"

# The recording shows more than its maker counted. Read record by record on 2026-11-22.
MORE = {
    # user.conf.new twice and user.conf~RF….TMP: all contain \AppData\Roaming\AnyDesk\user.conf
    "0b9ad457-2554-44c1-82c2-d56a99c42377": 3,
    # procdump64.exe, procdump64a.exe, procdump.exe: each is in the rule's list (their :Zone.Identifier is not)
    "8fbf3271-1ef6-4e94-8210-03c2317947f6": 3,
    # AutoShareServer and AutoShareWks, both set to 0
    "c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e": 2,
}

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not DATA.is_dir(), reason="no third-party data `sigma_regression` (LUYTRE_CONFORMANCE_DATA)"),
]


def test_every_case_matches_as_often_as_its_records_say() -> None:
    cases = [json.loads(line) for line in (DATA / "index.jsonl").read_text("utf-8").splitlines()]
    engine = Engine.load([DATA / case["rule"] for case in cases], [ROOT / "rules" / "pipelines"])
    assert [refused.reason for refused in engine.refused] == []
    files = {str(DATA / case["input"]): case["rule_id"] for case in cases}
    matches: Counter[str] = Counter()
    for path, event in Inputs(list(files)):
        matches.update(match.rule.id for match in engine.match(event) if match.rule.id == files[path])
    wrong = {}
    for case in cases:
        rule, expected = case["rule_id"], case["expect"]
        got, exact = matches[rule], MORE.get(case["rule_id"], expected["match_count"])
        if got < expected["min_matches"] or (exact is not None and got != exact):
            wrong[f"{rule} {case['rule_title']}"] = (got, expected)
    assert wrong == {}
