"""LT-D0601: the rules: loaded, refused, without the data that they need, old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine
from correlator.config import rule_paths

OLD_DAYS = 90
SHOWN = 10


def look(machine: Machine) -> Iterator[Finding]:
    report = machine.reports.get("correlator", {}) if machine.alive("correlator") else {}
    rules: list[dict[str, Any]] = report.get("rules") or []
    if report.get("rules_error"):
        yield bad(
            "pipeline",
            f"bộ luật giữ như cũ: {report['rules_error'][:200]}",
            f"the rules stay as they were: {report['rules_error'][:200]}",
            run(machine.luytre("rules list")),
            error=report["rules_error"][:500],
        )
    if not rules:
        yield from _unread(machine)
        return
    refused = [rule for rule in rules if rule.get("state") == "refused"]
    for rule in refused[:SHOWN]:
        where = f"{rule.get('path')}:{rule.get('line') or 1}"
        yield bad(
            "rule-refused",
            f"luật bị từ chối {where}: {rule.get('reason')}",
            f"rule refused {where}: {rule.get('reason')}",
            do("Sửa luật; bộ phân tích tự đọc lại trong vài giây", "Mend the rule; it is read again in seconds"),
            run(f"luytre rules test {rule.get('path')}"),
            path=rule.get("path"),
            line=rule.get("line"),
            refused=len(refused),
        )
    for fault in (report.get("tuning") or {}).get("faults", ())[:SHOWN]:
        yield note(
            "rule-tuning",
            f"điều chỉnh luật không còn hiệu lực: {fault.get('code')} {fault.get('id')} {fault.get('reason')}",
            f"a tuning is not in force: {fault.get('code')} {fault.get('id')} {fault.get('reason')}",
            run(f"luytre explain {fault.get('code')}"),
            code=fault.get("code"),
            id=fault.get("id"),
        )
    for fault in (report.get("exceptions") or {}).get("faults", ())[:SHOWN]:
        yield note(
            "rule-exception",
            f"ngoại lệ không có hiệu lực: {fault.get('code')} {fault.get('id')} {fault.get('reason')}",
            f"an exception is not in force: {fault.get('code')} {fault.get('id')} {fault.get('reason')}",
            run(f"luytre explain {fault.get('code')}"),
            code=fault.get("code"),
            id=fault.get("id"),
        )
    running = [rule for rule in rules if rule.get("state") == "running"]
    disabled = [rule for rule in rules if rule.get("state") == "disabled"]
    blind = [rule for rule in running if rule.get("kind") == "sigma" and not rule.get("data_last_seen")]
    if not running:
        yield bad(
            "no-rules",
            "không có luật nào đang chạy",
            "no rule is running",
            do(
                "[correlator] rules trỏ vào đâu? Để trống thì dùng bộ luật đi kèm",
                "Where does [correlator] rules point? Left out, the shipped rules are used",
            ),
        )
    elif len(blind) > len(running) / 2:
        yield note(
            "rules-without-data",
            f"{len(blind)} trong {len(running)} luật chưa từng có dữ liệu",
            f"{len(blind)} of {len(running)} rules never had data",
            do(
                "Thêm nguồn: màn hình Luật cho biết luật nào cần nguồn gì",
                "Add sources: the rules' screen says which need what",
            ),
            without_data=len(blind),
        )
    newest = _newest(machine)
    days = (machine.clock.now() - newest) / 86_400 if newest else 0
    if days > OLD_DAYS:
        yield note(
            "rules-old",
            f"luật mới nhất đã {days:.0f} ngày tuổi",
            f"the newest rule is {days:.0f} days old",
            do("Nhận gói luật mới từ trung tâm", "Get new rules from the centre"),
            days=round(days),
        )
    if running:
        yield ok(
            f"{len(running)} luật đang chạy, {len(refused)} bị từ chối, {len(disabled)} đã tắt",
            f"{len(running)} rules run, {len(refused)} refused, {len(disabled)} switched off",
            running=len(running),
            refused=len(refused),
            disabled=len(disabled),
            without_data=len(blind),
        )


def _unread(machine: Machine) -> Iterator[Finding]:
    """The correlator does not run: look at the files themselves."""
    if machine.config is None:
        return
    paths = rule_paths(machine.config)
    missing = [path for path in paths if not path.exists()]
    for path in missing:
        yield bad(
            "no-rules-folder",
            f"[correlator] rules: không có {path}",
            f"[correlator] rules: there is no {path}",
            do("Sửa [correlator] rules", "Mend [correlator] rules"),
            path=str(path),
        )
    if not missing:
        yield note(
            "no-process",
            "bộ phân tích không chạy nên chưa biết luật ra sao (LT-D1102)",
            "the correlator does not run, so nobody knows of the rules (LT-D1102)",
            run(machine.luytre("rules list")),
        )


def _newest(machine: Machine) -> float | None:
    if machine.config is None:
        return None
    times = [path.stat().st_mtime for folder in rule_paths(machine.config) for path in _files(folder)]
    return max(times, default=None)


def _files(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else list(folder.rglob("*.yml"))[:5000]


CHECK = Check(
    "LT-D0601",
    "rules",
    Words("Luật", "Rules"),
    Words(
        "Số luật đang chạy, luật bị từ chối với tệp và dòng, luật chưa từng có dữ liệu, tuổi của bộ luật.",
        "Rules that run, those refused with file and line, those that never had data, the age of the set.",
    ),
    look,
    where=frozenset(("node",)),
)
