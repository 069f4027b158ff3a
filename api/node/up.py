"""`luytre up`: a real node on this machine. The first time it makes the node; every time it starts its processes.

Out: at most twelve lines that say what is listening, a 30-minute log-in link, and the next commands. Ctrl-C stops
everything; nothing that was acknowledged is lost, however it stops.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from api.health import process
from api.node import programs
from api.node.programs import API
from api.node.supervise import Supervisor, wait_for
from sensors.config import Config, NodeTable

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def default_data() -> Path:
    """/var/lib/luytre for root, a folder of one's own otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/luytre")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "luytre"


def config_path(config: Path | None, data: Path | None) -> Path:
    """What is given, then LUYTRE_CONFIG as for every other command, then the usual folder."""
    named = os.environ.get("LUYTRE_CONFIG")
    if config is None and data is None and named:
        config = Path(named)
    return (config or (data or default_data()) / "luytre.toml").resolve()


@app.command()
def up(
    data: Annotated[Path | None, typer.Option(help="thư mục dữ liệu / data folder")] = None,
    config: Annotated[Path | None, typer.Option(help="luytre.toml; mặc định: LUYTRE_CONFIG, hoặc trong --data")] = None,
    agency: Annotated[str, typer.Option(help="mã đơn vị, khi tạo mới / agency code")] = "local",
    name: Annotated[str, typer.Option(help="tên đơn vị, khi tạo mới / agency name")] = "",
    role: Annotated[str, typer.Option(help="agency | national")] = "agency",
) -> None:
    """luytre up --data /var/lib/luytre   (a node, or the sensors of a machine that `luytre enrol join` made one)"""
    path = config_path(config, data)
    _aside("make", path, (data or path.parent).resolve(), agency, name, role)
    loaded = Config(path)
    table = loaded.table("node", NodeTable)
    supervisor = Supervisor(table.root, programs.of_node(loaded), path)
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    begin = time.time()
    keeper = threading.Thread(target=supervisor.run, args=(stop,))
    keeper.start()
    try:
        if API.name in supervisor.names():
            wait_for(lambda: stop.is_set() or _serves(table.root, supervisor, begin) or _down(supervisor), API.name)
        if _down(supervisor):
            print("\n".join(supervisor.last_words([API.name])), file=sys.stderr)
            raise SystemExit(supervisor.given_up()[API.name])
        if not stop.is_set():
            _aside("greet", path)
            for words in supervisor.last_words(supervisor.given_up()):
                print(words, file=sys.stderr)
        keeper.join()
    finally:
        stop.set()
        keeper.join()


def _down(supervisor: Supervisor) -> bool:
    """Without its API there is no node; a sensor that stays down is told, and the others work."""
    return API.name in supervisor.given_up()


def _serves(data: Path, supervisor: Supervisor, since: float) -> bool:
    """The API that runs now has said that its ports are open; what an earlier one said does not count."""
    said = process(data, API.name)
    return said.get("started", 0.0) >= since and said.get("pid") == supervisor.pid(API.name)


def _aside(*words: object) -> None:
    """Done by a child, which has said why when it fails."""
    done = subprocess.run([sys.executable, "-m", "api.node.aside", *map(str, words)], stdin=subprocess.DEVNULL,
                          check=False)  # fmt: skip
    if done.returncode:
        raise SystemExit(done.returncode)
