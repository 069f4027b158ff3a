"""`luytre demo`: an attack on two agencies, through real sensors, stores, rules and nodes, up to the national centre.

Prints a short story with times; then addresses and log-in links, until Ctrl-C. `--check` runs it without staying,
asserts each step and exits 0 or 1. Everything stays on loopback, in a folder of its own, and says DIỄN TẬP.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from api.node.exercise import elasticsearch, story
from api.node.exercise.world import NAMES, World
from sensors.errors import EXIT_FAILED, LuytreError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    check: Annotated[bool, typer.Option("--check", help="không dừng lại chờ; thoát 0 hoặc 1")] = False,
    store: Annotated[str, typer.Option(help="embedded | elasticsearch")] = "embedded",
    url: Annotated[str, typer.Option(help="Elasticsearch có sẵn; nếu không: tải và chạy một máy chủ thật")] = "",
    username: Annotated[str, typer.Option(help="tài khoản của Elasticsearch có sẵn")] = "",
    password_file: Annotated[str, typer.Option(help="tệp chứa mật khẩu của tài khoản đó")] = "",
    keep: Annotated[Path | None, typer.Option(help="giữ lại dữ liệu ở thư mục này")] = None,
) -> None:
    """luytre demo   ·   luytre demo --check --store elasticsearch"""
    stop = threading.Event()
    _on_signals(lambda *_: sys.exit(130))
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(keep))
        table = stack.enter_context(_store(store, url, username, password_file, folder))
        print("═══ DIỄN TẬP · EXERCISE ═══  không phải sự cố thật / not a real incident", flush=True)
        world = World(folder, store=table)
        portal = stack.enter_context(_portal(world.portal_port))
        stack.callback(world.stop)
        try:
            story.play(world, portal, _tell(time.monotonic()))
        except (LuytreError, story.NotAsTold) as error:
            print(error.show() if isinstance(error, LuytreError) else f"✖ {error}", file=sys.stderr)
            raise SystemExit(EXIT_FAILED) from None
        _on_signals(lambda *_: stop.set())
        if not check:
            print("\nMở bằng trình duyệt, liên kết dùng một lần trong 30 phút / one-time links:")
            for site in world.sites:
                print(f"  {NAMES[site.code]:<42} {site.link()}")
            print("Ctrl-C để dừng tất cả / to stop everything", flush=True)
            stop.wait()


def _on_signals(act: Callable[[int, FrameType | None], object]) -> None:
    """The first one ends the exercise; while that tidies up, another must not leave processes behind."""

    def once(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        act(number, frame)

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, once)


def _tell(start: float) -> story.Tell:
    def tell(vi: str, en: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  ✔ {vi}  · {en}", flush=True)

    return tell


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="luytre-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _portal(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The second agency's portal; the story ends it."""
    # A session of its own: Ctrl-C in the terminal is for the exercise, which ends it.
    words = [sys.executable, "-m", "api.node.exercise.portal", str(port)]
    process = subprocess.Popen(words, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def _store(kind: str, url: str, username: str, password_file: str, folder: Path) -> Iterator[dict[str, Any]]:
    """The [store] table of the nodes. Without an address, a real server is fetched and started for the exercise."""
    if kind != "elasticsearch":
        yield {"kind": kind}
    elif url:
        yield {"kind": kind, "url": url, "username": username, "password_file": password_file}
    else:
        with elasticsearch.running() as server:
            yield server.store_table(folder)
