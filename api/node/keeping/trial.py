"""`python -m api.node.keeping.trial FOLDER`: the people's port of a node that was put back for a trial, asked whether a
person could log in there.

In:  a restored data folder that nothing else uses. Out: one line of JSON: what each question was answered with.
Only the people's port runs, on a loopback port that the kernel picks: no machine port, no jobs, no casework, no local
socket; so no centre, mailbox, provider or other store hears of a trial. Should anything try, the process refuses to
connect anywhere but to loopback (an audit hook, which no code of ours can take back).
Bound: LIMIT_S in all; ANSWER_BYTES of each answer.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

LIMIT_S = 120.0
ANSWER_BYTES = 64 * 1024
QUESTIONS = ("/healthz", "/readyz", "/api/v1/public", "/")


def ask(data: Path) -> list[str]:
    """What is wrong with the API over this folder, asked of a process of its own; nothing when it answers."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("LUYTRE_")}
    try:
        done = subprocess.run([sys.executable, "-m", "api.node.keeping.trial", str(data)], env=environ, check=False,
                              capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)  # fmt: skip
    except subprocess.TimeoutExpired:
        return [f"api: no answer in {LIMIT_S:.0f} s"]
    try:
        said: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        return [f"api: it does not start: {done.stderr.strip()[-300:] or f'exit {done.returncode}'}"]
    wrong = [f"api: {path}: HTTP {said[path]}" for path in QUESTIONS if said.get(path) != 200]
    return wrong + ([] if said.get("knows_people") else ["api: the log-in page does not know of any person"])


def main(words: list[str]) -> int:
    _stay_here()
    print(json.dumps(_serve_and_ask(Path(words[0]))))
    return 0


def _stay_here() -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
            if not ipaddress.ip_address(str(arguments[1][0])).is_loopback:
                raise PermissionError(f"a trial connects nowhere: {arguments[1][0]}")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname") and arguments[0] not in (None, "127.0.0.1"):
            raise PermissionError("a trial looks up no name")

    sys.addaudithook(hook)


def _serve_and_ask(data: Path) -> dict[str, Any]:
    import msgspec

    from api import people_port
    from api.app import create_app
    from api.audit import Audit
    from api.config import ApiTable
    from api.node.keeping.gather import CONFIG, DATABASE
    from api.runtime import Runtime
    from api.serve import _Server
    from api.state.base import Database
    from correlator.store.embedded import EmbeddedReader
    from correlator.store.journal import EmbeddedWriter
    from sensors.clock import SystemClock
    from sensors.config import Config, NodeTable
    from sensors.daemon import logger

    config, clock = Config(data / CONFIG, environ={}), SystemClock()
    api = msgspec.structs.replace(config.table("api", ApiTable), people="127.0.0.1:0", oidc=())
    table = msgspec.structs.replace(config.table("node", NodeTable), data=str(data))
    db = Database(data / DATABASE)
    writer, reader = EmbeddedWriter(data), EmbeddedReader(data)
    try:
        node = Runtime(
            config=config, node=table, api=api, db=db, reader=reader, writer=writer,
            audit=Audit(data / "keys" / "audit.head", clock.now), log=logger("luytre-api"), clock=clock, tls=False,
        )  # fmt: skip
        server = _Server(people_port.uvicorn_config(create_app(node), api, None))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.02)
        try:
            port = server.servers[0].sockets[0].getsockname()[1] if server.started else 0
            return _answers(int(port))
        finally:
            server.should_exit = True
            thread.join(20)
    finally:
        reader.close()
        writer.close()
        db.close()


def _answers(port: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        for path in QUESTIONS:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES)
            answer.read()
            found[path] = answer.status
            if path == "/api/v1/public" and answer.status == 200:
                found["knows_people"] = json.loads(body)["setup_needed"] is False
    finally:
        connection.close()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
