"""`luytre upgrade`: from one offline bundle to the next, and back by itself when the new one is not well.

luytre upgrade --check                                what runs, what is installed, whether something was left half-done
luytre upgrade --from FILE.ltb --backup-to DIR --key backup.pub
luytre upgrade --resume                               after a kill or a power cut: finish, or go back
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.node.backup import key_of, say
from api.node.bundle import PREFIX, Prefix
from api.node.bundle import key_of as release_key
from api.node.keeping import environment, fit, release
from api.node.keeping.make import create
from api.node.keeping.service import Supervised, Systemd
from api.node.keeping.settings import BackupTable
from api.node.keeping.steps import JOURNAL, Outcome, Upgrade
from api.node.users import At
from api.runtime import VERSION
from sensors.config import Config
from sensors.errors import EXIT_FAILED, ConfigError, Problem

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
_STEPS = {
    "checked": ("đã kiểm gói và máy", "bundle and machine checked"),
    "backed up": ("đã sao lưu", "backed up"),
    "built": ("đã dựng môi trường mới", "the new environment is built"),
    "rehearsed": ("đã nâng cấp thử trên bản sao dữ liệu", "rehearsed on a copy of the database"),
    "stopped": ("đã dừng nút", "the node is stopped"),
    "kept": ("đã giữ cơ sở dữ liệu cũ", "the old database is kept"),
    "switched": ("đã chuyển sang bản mới", "switched to the new version"),
    "started": ("đã khởi động, đang xem nút có khỏe không", "started; looking whether it is well"),
    "back": ("quay lại bản cũ", "going back to the old version"),
}


@app.command()
def upgrade(
    source: Annotated[Path | None, typer.Option("--from", help="gói .ltb")] = None,
    check: Annotated[bool, typer.Option("--check", help="chỉ xem, không đổi gì")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="sau khi bị ngắt: làm nốt hoặc quay lại")] = False,
    prefix: Prefix = PREFIX,
    release_pub: Annotated[Path | None, typer.Option("--release-key", help="release.pub; mặc định: đã ghim")] = None,
    backup_to: Annotated[Path | None, typer.Option(help="sao lưu vào đâu; mặc định: [backup] target")] = None,
    key: Annotated[Path | None, typer.Option(help="khóa của bản sao lưu")] = None,
    accept_risk: Annotated[
        str, typer.Option(help="no-backup: không sao lưu trước; doctor: dù khám thấy lỗi; cách nhau bằng dấu phẩy")
    ] = "",
    health_s: Annotated[float, typer.Option(help="chờ nút khỏe bao lâu trước khi quay lại")] = 300.0,
    config: At = None,
) -> None:
    """Nâng cấp từ một gói có chữ ký; nút không khỏe thì tự quay lại."""
    loaded = Config(config)
    prefix = prefix.absolute()
    service = Systemd() if Systemd.runs_here() else Supervised(prefix, loaded)
    machine = Upgrade(prefix, loaded, service, health_s=health_s, say=_tell)
    if check or (source is None and not resume):
        _check(loaded, prefix, source, release_pub)
        return
    if resume and source is None:
        done = machine.recover()
        _end(done or Outcome("nothing", getattr(environment.current(prefix), "name", "")))
        return
    assert source is not None
    about = release.verify(source, release.read_public(release_key(release_pub, prefix)))
    table = loaded.table("backup", BackupTable)
    target = backup_to or (Path(table.target) if table.target else None)
    risks = {word.strip() for word in accept_risk.split(",")}
    if "doctor" not in risks:
        fit.refuse(loaded)
    if target is None and "no-backup" not in risks:
        hints = ("--backup-to THƯ-MỤC --key backup.pub", "--accept-risk=no-backup")
        raise ConfigError(Problem("LT-N0548", "cần sao lưu trước", "an upgrade needs a backup first", hints=hints))
    before = key_of(table, key) if target else None

    def backup() -> str:
        assert target is not None
        assert before is not None
        return str(create(loaded, target.absolute(), before, events=False).path)

    _end(machine.run(source.absolute(), about, backup if target else None))


def _check(config: Config, prefix: Path, source: Path | None, key: Path | None) -> None:
    now = environment.current(prefix)
    print(f"{VERSION}\t{now.name if now else '–'}\t{prefix}")
    if (prefix / JOURNAL).exists():
        step = json.loads((prefix / JOURNAL).read_text("utf-8")).get("step", "?")
        say(f"một lần nâng cấp còn dở ở bước `{step}`: luytre upgrade --resume",
            f"an upgrade was left at `{step}`: luytre upgrade --resume")  # fmt: skip
    if source is not None:
        about = release.verify(source, release.read_public(release_key(key, prefix)))
        fit.follows(VERSION, about)
        for vi, en in fit.faults(config):
            say(f"✖ {vi}", f"✖ {en}")
        fits = environment.fits(about)
        newer = now is None or now.name != about["id"]
        print(f"{about['version']}\t{about['id']}\t{'→' if newer and not fits else '='}")
        if fits:
            say(f"gói không hợp máy này: {fits}", fits)
            raise SystemExit(EXIT_FAILED)


def _tell(step: str) -> None:
    vi, en = _STEPS.get(step, (step, step))
    say(f"  {vi}", f"  {en}")


def _end(done: Outcome) -> None:
    words = {
        "done": ("đã nâng cấp", "upgraded"), "nothing": ("không có gì để làm", "nothing to do"),
        "abandoned": ("đã bỏ lần nâng cấp dở; bản cũ vẫn chạy", "given up; the old version runs"),
        "rolled back": ("bản mới không khỏe, đã quay lại", "the new version was not well: rolled back"),
    }  # fmt: skip
    print(done.now)
    vi, en = words[done.step]
    say(f"{vi}{': ' + done.why if done.why else ''}", f"{en}{': ' + done.why if done.why else ''}")
    if done.step == "rolled back":
        raise SystemExit(EXIT_FAILED)
