"""`luytre backup`: make one, prove one, make a key pair, confirm what a restore has held.

luytre backup key --to /root/khoa              khoa/backup.pub stays here; backup.key goes into a safe, off this machine
luytre backup create --to /mnt/saoluu --key /etc/luytre/backup.pub
luytre backup verify /mnt/saoluu/luytre-….ltk --key /media/usb/backup.key
luytre backup confirm so-y-te:sensor:web-1     after a restore that nobody could tell of revocations
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from api.node.cli import language
from api.node.keeping import ledger
from api.node.keeping.make import Policy, create
from api.node.keeping.sealed import Key, new_pair, read_key
from api.node.keeping.settings import BackupTable
from api.node.users import At, act
from sensors.clock import SystemClock, rfc3339
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_FAILED, ConfigError, LuytreError, Problem

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="luytre backup create --to /mnt/saoluu --key backup.pub\n\nluytre backup verify TỆP --key backup.key",
)
KeyAt = Annotated[Path | None, typer.Option("--key", help="khóa công khai, khóa bí mật hoặc tệp cụm mật khẩu")]


def say(vi: str, en: str) -> None:
    sys.stdout.flush()  # in a pipe or a log the two stay in their order
    print(vi if language() == "vi" else en, file=sys.stderr)


@app.command("create")
def create_command(
    to: Annotated[Path | None, typer.Option(help="thư mục đích; mặc định: [backup] target")] = None,
    events: Annotated[bool | None, typer.Option("--events/--no-events", help="kèm nhật ký sự kiện")] = None,
    key: KeyAt = None,
    scheduled: Annotated[bool, typer.Option(hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    config: At = None,
) -> None:
    """Sao lưu nút đang chạy (hoặc đang dừng) vào một tệp đã mã hóa."""
    loaded = Config(config)
    table = loaded.table("backup", BackupTable)
    target = to or (Path(table.target) if table.target else None)
    if target is None:
        raise ConfigError(Problem("LT-N0526", "chưa biết sao lưu vào đâu", "no target for the backup",
                                  hints=("luytre backup create --to THƯ-MỤC", "[backup] target = …")))  # fmt: skip
    made = create(
        loaded, target.absolute(), key_of(table, key), events=table.events if events is None else events,
        limit_bytes_per_s=table.limit_bytes_per_s,
        policy=Policy(table.daily, table.weekly) if scheduled else None, progress=_Progress(),
    )  # fmt: skip
    manifest = made.manifest
    if manifest.store == "elasticsearch":
        say("sự kiện nằm trong Elasticsearch: hãy giữ chúng bằng snapshot của Elasticsearch",
            "events are in Elasticsearch: keep them by Elasticsearch's own snapshots")  # fmt: skip
    if as_json:
        print(json.dumps({"schema_version": 1, "file": str(made.path), "bytes": made.bytes, "took_s": made.took_s,
                          "events": manifest.items, "parts": len(manifest.parts)}))  # fmt: skip
        return
    print(made.path)
    count = sum(manifest.items.values())
    say(f"{made.bytes:,} byte, {len(manifest.parts)} phần, {count:,} sự kiện, {made.took_s:.1f} giây",
        f"{made.bytes:,} bytes, {len(manifest.parts)} parts, {count:,} events, {made.took_s:.1f} s")  # fmt: skip


@app.command()
def verify(file: Path, key: KeyAt = None, as_json: Annotated[bool, typer.Option("--json")] = False,
           scratch: Annotated[Path | None, typer.Option(help="thư mục tạm / scratch folder")] = None,
           config: At = None) -> None:  # fmt: skip
    """Khôi phục thử vào thư mục tạm, mở mọi thứ, đếm và so với bản kê."""
    from api.node.keeping.prove import prove

    loaded = _config(config)
    table = loaded.table("backup", BackupTable) if loaded else BackupTable()
    proof = prove(file, key_of(table, key), scratch, serve=True)
    node = loaded.table("node", NodeTable) if loaded else None
    if node is not None and proof.manifest.agency == node.agency:
        if proof.good:
            ledger.note(node.root, last_verified_at=SystemClock().now())
        else:
            wrong = f"{file.name}: {proof.problems[0]}"
            problem = {"vi": f"bản sao lưu không đạt: {wrong}", "en": f"the backup is not good: {wrong}"}
            ledger.note(node.root, problem=problem)
    if as_json:
        print(json.dumps({"schema_version": 1, "good": proof.good, **asdict(proof),
                          "manifest": msgspec.to_builtins(proof.manifest)}, default=str))  # fmt: skip
    else:
        manifest = proof.manifest
        print(f"{manifest.agency} · {rfc3339(manifest.made_at)} · {manifest.program} · CA {manifest.ca[:16]}")
        say(f"{proof.rows:,} hàng, {proof.audit:,} mục kiểm toán, {sum(proof.items.values()):,} sự kiện; "
            f"lập chỉ mục thử {proof.indexed:,}, tìm thấy {proof.found:,}; "
            f"trang đăng nhập {'trả lời' if proof.served else 'chưa thử'}; {proof.took_s:.1f} giây",
            f"{proof.rows:,} rows, {proof.audit:,} audit entries, {sum(proof.items.values()):,} events; "
            f"{proof.indexed:,} indexed as a trial, {proof.found:,} found; "
            f"the log-in page {'answers' if proof.served else 'was not tried'}; {proof.took_s:.1f} s")  # fmt: skip
        for fault in proof.problems:
            print(f"✖ {fault}", file=sys.stderr)
    if not proof.good:
        raise SystemExit(EXIT_FAILED)


@app.command("key")
def key_pair(to: Annotated[Path, typer.Option(help="thư mục cho hai tệp khóa")] = Path()) -> None:
    """Tạo cặp khóa: backup.pub để khóa, backup.key để mở (cất ngoài máy này)."""
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    public, secret = new_pair()
    for name, line, mode in (("backup.pub", public, 0o644), ("backup.key", secret, 0o600)):
        handle = os.open(to / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(line + "\n")
    print(to / "backup.pub")
    say("backup.key mở mọi bản sao lưu: cất ở nơi khác, hai bản; mất nó là mất các bản sao lưu",
        "backup.key opens every backup: keep two copies elsewhere; without it the backups are lost")  # fmt: skip


@app.command()
def confirm(names: Annotated[list[str] | None, typer.Argument()] = None,
            everything: Annotated[bool, typer.Option("--all", help="mọi máy mà lần khôi phục đã giữ lại")] = False,
            config: At = None) -> None:  # fmt: skip
    """Sau khôi phục: tin lại máy (hoặc mở lại tài khoản) đã bị giữ lại."""
    done = act(Config(config), "backup-confirm", names=names or [], all=everything)
    for one in done["machines"] + done["users"]:
        print(one)
    if not done["machines"] and not done["users"]:
        say("không có gì khớp", "nothing matches")
        raise SystemExit(EXIT_FAILED)


def key_of(table: BackupTable, given: Path | None) -> Key:
    path = given or (Path(table.key) if table.key else None)
    if path is None:
        raise ConfigError(Problem(
            "LT-N0527", "bản sao lưu luôn được mã hóa: cần một khóa", "a backup is always encrypted: a key is needed",
            hints=("luytre backup key --to THƯ-MỤC", "--key backup.pub", "[backup] key = …")))  # fmt: skip
    return read_key(path)


def _config(path: Path | None) -> Config | None:
    try:
        return Config(path)
    except LuytreError:
        if path is not None:
            raise
        return None  # a backup may be verified on a machine that has no node


class _Progress:
    """One line on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, name: str, written: int) -> None:
        if sys.stderr.isatty() and written - self._shown > 1 << 20:
            self._shown = written
            print(f"\r{written >> 20:,} MB  {name[-60:]:<60}", end="", file=sys.stderr)
