"""Warning lists: each one's own examples; the hardest verdict wins; what MISP's lists say of private space, we say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from correlator.indicators.kinds import guess, normal_of
from correlator.indicators.seam import Own
from correlator.indicators.warnings import Warnings, all_warnings

DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA") or Path(__file__).parents[3] / "shared" / "data")
LISTS = DATA / "misp" / "warninglists"


@pytest.mark.parametrize("name", all_warnings())
def test_examples(name: str) -> None:
    warn = all_warnings()[name]
    check = warn.make(warn.own)
    verdicts = set()
    for kind, value, verdict in warn.examples:
        assert normal_of(kind, value) == (kind, value), "an example must be in normal form"
        found = check(kind, value)
        assert (found.verdict if found else None) == verdict, (kind, value)
        if found:
            assert found.list == name
            assert found.vi
            assert found.en
        verdicts.add(verdict)
    assert None in verdicts
    assert len(verdicts) > 1
    assert set(warn.title) == {"vi", "en"}


def test_a_refusal_is_stronger_than_a_question() -> None:
    both = Warnings(Own(("203.0.113.0/24",)))
    found = both.of("ip", "203.0.113.9")  # a documentation address (ask) that is ours (refuse)
    assert found is not None
    assert (found.verdict, found.list) == ("refuse", "own")


def test_what_is_unreadable_in_the_inventory_harms_nothing() -> None:
    assert Warnings(Own(("no address", ""), ("", ".", "x"))).of("domain", "evil.example") is None


@pytest.mark.skipif(not LISTS.is_dir(), reason="the third-party data is not here")
@pytest.mark.parametrize("name", ["rfc1918", "rfc6598", "multicast", "ipv6-linklocal", "empty-hashes", "rfc3849"])
def test_what_misp_warns_of(name: str) -> None:
    warnings = Warnings()
    entries = json.loads((LISTS / name / "list.json").read_text("utf-8"))["list"]
    assert entries
    for entry in entries:
        found = guess(entry.split("|")[0].strip())
        if name == "empty-hashes" and (found is None or found[0] not in ("md5", "sha1", "sha256", "sha512")):
            continue  # ssdeep, sha224 … : kinds that we don't have
        assert found is not None, entry
        assert warnings.of(*found) is not None, entry


@pytest.mark.skipif(not LISTS.is_dir(), reason="the third-party data is not here")
def test_registries_of_vietnam() -> None:
    entries = json.loads((LISTS / "second-level-tlds" / "list.json").read_text("utf-8"))["list"]
    warnings = Warnings()
    for entry in entries:
        name = entry.strip(".").lower()
        if name in ("com.vn", "net.vn", "org.vn", "edu.vn", "gov.vn", "ac.vn", "biz.vn", "info.vn", "name.vn"):
            found = warnings.of("domain", name)
            assert found is not None, name
            assert found.verdict == "refuse", name
