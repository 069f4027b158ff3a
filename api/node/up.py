"""`luytre up`: a real node on this machine. The first time it makes the node; every time it starts its processes.

Out: at most twelve lines that say what is listening, a 30-minute log-in link, and the next commands. Ctrl-C stops
everything; nothing that was acknowledged is lost, however it stops.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from api.config import ApiTable
from api.local_port import ask
from api.node import programs
from api.node.exercise.world import wait_for_api
from api.node.init import FIRST_USER, default_tables, make_node
from api.node.supervise import Supervisor
from api.node.users import login_link
from api.runtime import VERSION
from sensors.config import Config, NodeTable

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def default_data() -> Path:
    """/var/lib/luytre for root, a folder of one's own otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/luytre")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "luytre"


@app.command()
def up(
    data: Annotated[Path | None, typer.Option(help="thư mục dữ liệu / data folder")] = None,
    config: Annotated[Path | None, typer.Option(help="luytre.toml; mặc định: trong thư mục dữ liệu")] = None,
    agency: Annotated[str, typer.Option(help="mã đơn vị, khi tạo mới / agency code")] = "local",
    name: Annotated[str, typer.Option(help="tên đơn vị, khi tạo mới / agency name")] = "",
    role: Annotated[str, typer.Option(help="agency | national")] = "agency",
) -> None:
    """luytre up --data /var/lib/luytre"""
    path = config or (data or default_data()).resolve() / "luytre.toml"
    path = make_node(default_tables((data or path.parent).resolve(), agency, name, role), path)
    loaded = Config(path)
    table = loaded.table("node", NodeTable)
    supervisor = Supervisor(table.root, programs.of_node(loaded), path)
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    keeper = threading.Thread(target=supervisor.run, args=(stop,))
    keeper.start()
    try:
        wait_for_api(table.root, supervisor)
        _say(loaded, table, supervisor)
        keeper.join()
    finally:
        stop.set()
        keeper.join()


def _say(config: Config, table: NodeTable, supervisor: Supervisor) -> None:
    api = config.table("api", ApiTable)
    sensors = [name.removeprefix("luytre-") for name in supervisor.names()]
    print(f"Lũy Tre {VERSION} · {table.name or table.agency} · {config.path}")
    print(f"  người dùng / people    {api.people}")
    print(f"  cảm biến  / machines   {api.machines} (TLS)")
    print(f"  tiến trình / processes {', '.join(sensors)}")
    missing = programs.lacking(config)
    if missing:
        print(f"  {missing}")
    print(f"  đăng nhập (30 phút)    {login_link(config, FIRST_USER)}")
    machines = (ask(table.root, "machines") or {}).get("machines", [])
    print(f"  máy đã ghi danh        {len(machines)}")
    where = f"--config {config.path}"
    print(f"  tiếp theo: luytre users add TÊN {where}")
    print(f"             luytre enrol token TÊN-MÁY {where}")
    print(f"             luytre-sensor selftest {where}")
    sys.stdout.flush()
