"""`luytre doctor`: what is wrong on this machine, the true cause, and what mends it. Looks only; changes nothing (but
`--fix --yes`, which does what `--fix` has shown: doctor_fix.py).

Exit: 0 all well (notes allowed) · 1 something is bad · 3 notes, with --strict · 2 usage. Works on a node and on a
machine of sensors alone, whether it runs or not, with a configuration that cannot be read, too.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.node.checks import Check
from api.node.checks._machine import Machine
from api.node.cli import language
from api.node.users import At
from sensors.errors import EXIT_USAGE

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
SECONDS = 5.0


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="JSON ổn định, schema_version / stable JSON")] = False,
    only: Annotated[list[str] | None, typer.Option(help="mã LT-D… hoặc nhóm; nhiều lần được / codes or groups")] = None,
    seconds: Annotated[
        float, typer.Option(help="đếm gói tin bao lâu / how long to count packets", min=0, max=600)
    ] = SECONDS,
    strict: Annotated[bool, typer.Option("--strict", help="lưu ý cũng tính: mã thoát 3 / notes count: exit 3")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="bỏ các mục không áp dụng / leave out what is skipped")
    ] = False,
    bundle: Annotated[Path | None, typer.Option(help="gói hỗ trợ .tar.gz, không bí mật / support bundle")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="nêu việc sửa được ngay / what can be mended at once")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="cùng --fix: làm luôn / with --fix: do it")] = False,
    lang: Annotated[str, typer.Option(help="vi | en")] = "",
    config: At = None,
) -> None:
    """luytre doctor   ·   luytre doctor --only link --only LT-D0401   ·   luytre doctor --fix [--yes]"""
    from api.node.doctor_run import chosen, examine, show

    spoken = lang if lang in ("vi", "en") else language()
    if fix:
        _mend(Machine(config or _found()), spoken, really=yes, as_json=as_json)
        return
    checks, unknown = chosen(only or ())
    if unknown:
        print(f"không có mục kiểm tra / no such check: {unknown}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    machine = Machine(config or _found(), seconds=seconds)
    progress = sys.stderr.isatty() and not as_json

    def tell(check: Check) -> None:
        if progress:
            print(f"\r\x1b[K  {check.title.of(spoken)}…", end="", file=sys.stderr, flush=True)

    report = examine(machine, checks, tell)
    if progress:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if as_json:
        print(json.dumps(report.json(), ensure_ascii=False, indent=1))
    else:
        term = os.environ.get("TERM", "")
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and term != "dumb"
        plain = term == "dumb" or "utf" not in (sys.stdout.encoding or "").lower()
        width = shutil.get_terminal_size((100, 24)).columns
        print(show(report, spoken, width=min(width, 140), colour=colour, plain=plain, all_lines=not quiet))
    if bundle is not None:
        from api.node.doctor_bundle import write

        for name in write(machine, report, bundle):
            print(f"  {name}", file=sys.stderr)
        print(f"{bundle}", file=sys.stderr)
    raise SystemExit(report.exit_code(strict=strict))


def _mend(machine: Machine, spoken: str, *, really: bool, as_json: bool) -> None:
    """The preview, or with --yes the acts. Exit 1 when one failed."""
    from api.node.doctor_fix import carry_out, plan

    acts = plan(machine)
    done = carry_out(acts) if really else [(act, "") for act in acts]
    if as_json:
        rows = [{"path": str(act.path), "mode": act.mode if act.mode is None else f"{act.mode:04o}",
                 "act": "remove" if act.mode is None else "chmod", "done": really and not wrong, "problem": wrong}
                for act, wrong in done]  # fmt: skip
        print(json.dumps({"schema_version": 1, "preview": not really, "acts": rows}, ensure_ascii=False, indent=1))
    else:
        for act, wrong in done:
            mark = "✘" if wrong else "✔" if really else "·"
            print(f"{mark} {act.path}  {act.about.of(spoken)}" + (f"  ({wrong})" if wrong else ""))
        if not acts:
            print("không có gì để sửa tự động" if spoken == "vi" else "nothing that can be mended by itself")
        elif not really:
            print("chưa làm gì; để làm: " if spoken == "vi" else "nothing is done yet; to do it: ", end="")
            print(machine.luytre("doctor --fix --yes"))
    raise SystemExit(int(any(wrong for _, wrong in done)))


def _found() -> Path | None:
    """Where `luytre up` puts it, when nobody says otherwise and the usual place is empty."""
    from api.node.up import default_data

    usual = default_data() / "luytre.toml"
    if os.environ.get("LUYTRE_CONFIG") or Path("/etc/luytre/luytre.toml").exists() or not usual.exists():
        return None
    return usual
