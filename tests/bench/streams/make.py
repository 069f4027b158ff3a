"""Streams for measuring the engine: `write(corpus, out, …)` makes N events from the corpus, and the same for the peer.

In:  corpus.jsonl (`corpus.py`). Out: `<out>.jsonl`, events as they lie in the journal; with `flat`,
`<out>.flat.jsonl`, the same events in the same order for RSigma. Two mixes: "mix", the corpus as it is, over and over;
"endpoint", what a fleet of workstations sends (`SHARES`), the worst for an engine because most rules are about process
creation.
Bound: `count` lines; one event in memory beside the corpus. Seeded: the same arguments write the same bytes.

    python -m tests.bench.streams.make DATA OUT [--count N] [--novelty 0.2] [--mix endpoint] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from correlator.peer import Flattener
from sensors.event import decode, encode
from tests.bench.streams.corpus import corpus
from tests.bench.streams.renew import Renewer

ROOT = Path(__file__).resolve().parents[3]
PIPELINES = ROOT / "rules" / "pipelines"
MIXES = ("mix", "endpoint")
SYSMON = "Microsoft-Windows-Sysmon/Operational"

# Share of a workstation's events by what they are; (channel, event id) → class. The rest is "other".
SHARES = {"process": 40, "file": 15, "network": 10, "image": 10, "registry": 10, "access": 4, "powershell": 4, "dns": 3,
          "other": 4}  # fmt: skip
CLASSES = {
    ("Security", "4688"): "process", (SYSMON, "1"): "process",
    **{(SYSMON, str(n)): "file" for n in (11, 15, 23, 26, 29)},
    (SYSMON, "3"): "network", (SYSMON, "7"): "image", (SYSMON, "10"): "access", (SYSMON, "22"): "dns",
    **{(SYSMON, str(n)): "registry" for n in (12, 13, 14)},
    **{("Microsoft-Windows-PowerShell/Operational", str(n)): "powershell" for n in (4103, 4104)},
}  # fmt: skip


def write(base: Path, out: Path, *, count: int, novelty: float, mix: str = "mix", seed: int = 1,
          flat: bool = True) -> dict[str, object]:  # fmt: skip
    """Writes the stream; returns what is in it."""
    lines = base.read_bytes().splitlines()
    if not lines:
        raise ValueError(f"{base} holds no events")
    draw = random.Random(seed)
    chosen = _endpoint(lines, draw) if mix == "endpoint" else _mix(lines, draw)
    renew, flatten = Renewer(seed, novelty), Flattener([PIPELINES])
    with ExitStack() as stack:
        ours = stack.enter_context(out.with_suffix(".jsonl").open("wb"))
        theirs = stack.enter_context(out.with_suffix(".flat.jsonl").open("wb")) if flat else None
        for _ in range(count):
            event = renew(decode(next(chosen)))
            event.pop("message", None)  # Windows' own sentence: the recorder of some files kept it, our reader does not
            ours.write(encode(event) + b"\n")
            if theirs is not None:
                theirs.write(encode(flatten(event)) + b"\n")
    return {"mix": mix, "novelty": novelty, "events": renew.made, "with new words": renew.new, "from": len(lines),
            "mb": round(out.with_suffix(".jsonl").stat().st_size / 1e6)}  # fmt: skip


def _mix(lines: Sequence[bytes], draw: random.Random) -> Iterator[bytes]:
    order = list(lines)
    while True:
        draw.shuffle(order)
        yield from order


def _endpoint(lines: Sequence[bytes], draw: random.Random) -> Iterator[bytes]:
    classes: dict[str, list[bytes]] = {}
    for line in lines:
        winlog = decode(line)["winlog"]
        classes.setdefault(CLASSES.get((winlog["channel"], str(winlog["event_id"])), "other"), []).append(line)
    names = [name for name in SHARES if name in classes]
    turns = {name: _mix(classes[name], draw) for name in names}
    weights = [SHARES[name] for name in names]
    while True:
        for name in draw.choices(names, weights, k=1024):
            yield next(turns[name])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the third-party data")
    parser.add_argument("out", type=Path, help="where to write; the corpus is kept beside it")
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--novelty", type=float, default=0.2)
    parser.add_argument("--mix", choices=MIXES, default="mix")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    base = corpus(args.data, args.out.parent)
    print(write(base, args.out, count=args.count, novelty=args.novelty, mix=args.mix, seed=args.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
