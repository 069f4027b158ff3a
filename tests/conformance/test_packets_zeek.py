"""Flows of Zeek's own test captures against Zeek's own baselines (its plain tests, run without changed settings)."""

from __future__ import annotations

import ipaddress
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sensors.packets.replay import replay_capture

DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "zeek"
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not (DATA / "index.jsonl").is_file(), reason="no conformance data"),
]


def _side(address: Any, port: Any, transport: str) -> tuple[str, int]:
    return str(ipaddress.ip_address(address)), int(port or 0) if transport in ("tcp", "udp") else 0


def _key(transport: str, *ends: Any) -> tuple[Any, ...]:
    name = "icmp" if "icmp" in transport else transport if transport in ("tcp", "udp") else "other"
    return name, _side(ends[0], ends[1], name), _side(ends[2], ends[3], name)


def _rows() -> list[dict[str, Any]]:
    lines = (DATA / "index.jsonl").read_text(encoding="utf-8").splitlines() if (DATA / "index.jsonl").is_file() else []
    rows = [json.loads(line) for line in lines]
    return [r for r in rows if r["plain"] and r["log"] == "conn" and r["expect"] and "id.orig_h" in r["expect"][0]]


def _flows(row: dict[str, Any]) -> list[tuple[Any, ...]]:
    checksums = not any(word.startswith("-C") for word in row["cmd"].split())
    found = []
    for event in replay_capture(DATA / row["pcap"], checksums=checksums):
        if event["event"]["dataset"] != "network.flow":
            continue
        source, destination, flow = event["source"], event["destination"], event["luytre"]["flow"]
        key = _key(event["network"]["transport"], source["ip"], source.get("port"), destination["ip"],
                   destination.get("port"))  # fmt: skip
        counts = (source["packets"], source["bytes"], destination["packets"], destination["bytes"])
        found.append((key, counts, flow["state"], flow.get("history", "")))
    return found


def test_flows_are_zeeks() -> None:
    keys: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    for row in _rows():
        ours = _flows(row)
        keys["ours"] += len(ours)
        for expected in row["expect"]:
            keys["theirs"] += 1
            key = _key(expected["proto"], *(expected[k] for k in ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")))
            counts = tuple(expected[f"{s}_{k}"] for s in ("orig", "resp") for k in ("pkts", "ip_bytes"))
            wanted = (key, counts, expected["conn_state"], expected["history"] or "")
            choice = [flow for flow in ours if flow[0] == key]
            if not choice:
                continue
            best = max(choice, key=lambda flow: sum(a == b for a, b in zip(flow, wanted, strict=True)))
            ours.remove(best)
            keys["both"] += 1
            for name, a, b in zip(("counts", "state", "history"), best[1:], wanted[1:], strict=True):
                agree[name] += a == b
    f1 = 2 * keys["both"] / (keys["ours"] + keys["theirs"])
    shares = {name: agree[name] / keys["both"] for name in ("counts", "state", "history")}
    assert f1 >= 0.98, keys
    assert min(shares.values()) >= 0.98, shares
