"""`luytre rules backtest RULE --days 7`: what a rule would have said of what is stored here.

In:  an id, a name, a file or a folder of rules; the node's own store, this agency's events alone. Out: hits a day as a
chart, the noisiest entities, samples; or `--json`. Exit 0 however many hits there are, 3 when a bound cut it short or
the store could not search everything, 2 when there is no such rule.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from api.node.cli import language
from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Missing, known, needed, say, tell, unknown
from correlator.backtest import Chosen, Limits, Report, Sample, backtest, choose
from correlator.backtest.choose import Unknown
from correlator.config import pipeline_paths, rule_paths
from correlator.store import open_reader
from correlator.store.base import Scope
from sensors.clock import parse_rfc3339
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_DEGRADED, EXIT_OK, Problem

DAY_S = 86_400
BAR = 40
PROGRESS_S = 1.0


def command(
    rule: Annotated[list[str], typer.Argument(help="mã, tên, tệp hoặc thư mục luật / id, name, file, folder")],
    days: Annotated[float, typer.Option(help="mấy ngày gần nhất / the last days", min=0.01, max=400)] = 7,
    until: Annotated[str, typer.Option(help="thời điểm cuối, RFC 3339; mặc định: bây giờ / now")] = "",
    events: Annotated[int, typer.Option(help="đọc nhiều nhất bao nhiêu sự kiện", min=1)] = 1_000_000,
    seconds: Annotated[float, typer.Option(help="chạy lâu nhất bao nhiêu giây", min=1)] = 300,
    sample: Annotated[int, typer.Option(help="bao nhiêu mẫu / samples", min=0, max=100)] = 5,
    exact: Annotated[bool, typer.Option("--exact", help="không dùng bộ lọc nhanh / no quick prefilter")] = False,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Luật này sẽ báo gì trên các sự kiện đã lưu: số lần mỗi ngày, nơi ồn nhất, mẫu."""
    loaded = needed(config)
    end = _moment(until) if until else time.time()
    chosen = _chosen(rule, loaded)
    for one in chosen.refused:
        tell(f"{one.path}:{one.line}: {one.code}: {one.reason}", err=True)
    scope = Scope(frozenset({loaded.table("node", NodeTable).agency}))
    reader = open_reader(loaded)
    try:
        report = backtest(
            reader, scope, chosen, end - days * DAY_S, end, limits=Limits(events, seconds, sample), exact=exact,
            progress=_Progress() if sys.stderr.isatty() and not as_json else None,
        )  # fmt: skip
    finally:
        reader.close()
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, **dataclasses.asdict(report)}, ensure_ascii=False))
    else:
        tell("\n".join(shown(report)))
    raise typer.Exit(EXIT_DEGRADED if report.stopped or report.partial else EXIT_OK)


def _chosen(wanted: list[str], config: Config) -> Chosen:
    try:
        return choose(wanted, rule_paths(config), pipeline_paths(config), known(config))
    except Unknown as missing:
        raise unknown(missing) from None


def _moment(text: str) -> float:
    found = parse_rfc3339(text)
    if found is None:
        raise Missing(Problem("LT-R0306", f"`{text[:40]}` không phải thời điểm RFC 3339",
                              f"`{text[:40]}` is not an RFC 3339 time",
                              hints=("2026-11-22T08:00:00+07:00",)))  # fmt: skip
    return found


def shown(report: Report) -> list[str]:
    lines = []
    if report.stopped:
        why = {"events": say("hết số sự kiện được đọc", "enough events were read"),
               "time": say("hết thời gian", "time was over")}[report.stopped]  # fmt: skip
        low, high = _at(report.covered_since), _at(report.covered_until)
        lines.append(say(f"Chưa xem hết ({why}): chỉ từ {low} đến {high}", f"Not all ({why}): only {low} to {high}"))
    if report.partial:
        lines.append(say(f"Kho chưa tìm được hết: {report.partial}", f"The store did not search all: {report.partial}"))
    if report.quick:
        lines.append(say(
            "Dùng bộ lọc nhanh: giá trị dài trên 8.191 ký tự có thể bị bỏ qua (--exact để xem hết)",
            "Quick prefilter: values over 8,191 characters may be passed over (--exact reads all)",
        ))  # fmt: skip
    lines += [*_chart(report.by_day), ""]
    lines.append(say(
        f"{report.hits} lần khớp, {report.alerts} cảnh báo; "
        f"đọc {report.read} trong {report.stored} sự kiện đã lưu, {report.took_s:.1f} giây",
        f"{report.hits} hits, {report.alerts} alerts; "
        f"{report.read} of {report.stored} stored events read in {report.took_s:.1f} s",
    ))  # fmt: skip
    if report.poisoned:
        lines.append(say(f"{report.poisoned} sự kiện không đánh giá được", f"{report.poisoned} events failed"))
    if report.evicted:
        lines.append(say(f"{report.evicted} nhóm bị bỏ vì quá giới hạn: con số có thể thấp hơn thật",
                         f"{report.evicted} groups did not fit: the figure may be too low"))  # fmt: skip
    if len(report.by_rule) > 1:
        lines += ["", *(f"{count:>8}  {rule}" for rule, count in
                        sorted(report.by_rule.items(), key=lambda item: -item[1])[:20])]  # fmt: skip
    for name, values in report.entities.items():
        lines += ["", say(f"{name}, nhiều nhất:", f"{name}, noisiest:")]
        lines += [f"{count:>8}  {' '.join(value.split())}" for value, count in values[:5]]
    if report.samples:
        lines += ["", say("Mẫu (lần đầu của từng nhóm):", "Samples (the first of each group):")]
        lines += [_sample(one) for one in report.samples]
    return lines


def _chart(by_day: Mapping[str, int]) -> list[str]:
    most = max(by_day.values(), default=0)
    width = len(str(most))
    return [f"{day}  {count:>{width}}  {'█' * (round(BAR * count / most) or 1) if count else ''}".rstrip()
            for day, count in by_day.items()]  # fmt: skip


def _sample(one: Sample) -> str:
    reason = one.reason.get(language()) or one.reason.get("en") or ""
    return f"  {_at(one.when)}  {reason}  ({', '.join(one.event_ids[:3])}{' …' if len(one.event_ids) > 3 else ''})"


def _at(text: str) -> str:
    found = parse_rfc3339(text)
    return text if found is None else datetime.fromtimestamp(found).astimezone().isoformat(" ", "seconds")


class _Progress:
    """How far it is, on a terminal, once a second."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, read: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_S:
            self._last = now
            share = 100 * read // max(1, total)
            print(say(f"\r{share} % ({read} sự kiện)", f"\r{share} % ({read} events)"), end="", file=sys.stderr)
