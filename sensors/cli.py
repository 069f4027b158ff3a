"""`luytre-sensor`: one word chooses what this process is; its module is imported then, and nothing else.

Roles (`run(config, daemon)`) run until they are told to stop; tools (`arguments(parser)`, `run(args)`) do one thing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from sensors.errors import EXIT_INTERRUPTED, LuytreError

ROLES = {
    "packet": "nghe gói tin trên mạng / watch packets on the network",
    "log": "đọc nhật ký từ tệp và syslog / read logs from files and syslog",
    "probe": "thăm dò dịch vụ / check whether services answer",
    "ship": "gửi sự kiện về trung tâm / deliver events",
}
TOOLS = {
    "replay": "in sự kiện đọc từ tệp (NDJSON) / print the events of files",
    "bench": "đo tốc độ đọc tệp / measure how fast files are read",
    "explain": "giải thích một dòng được đọc thế nào / show how a line is read",
    "selftest": "gửi một sự kiện thử vô hại / send a harmless, marked test event",
}


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="luytre-sensor", description="Cảm biến Lũy Tre / Lũy Tre's sensor")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Only the chosen module is imported: a role's memory is what it needs itself.
    chosen = next((word for word in words if not word.startswith("-")), "")
    for name, text in ROLES.items():
        commands.add_parser(name, help=text).add_argument("--config", type=Path)
    for name, text in TOOLS.items():
        tool = commands.add_parser(name, help=text)
        if name == chosen:
            importlib.import_module(f"sensors.roles.{name}").arguments(tool)
    args = parser.parse_args(words)
    try:
        return _role(args) if args.command in ROLES else _tool(args)
    except LuytreError as error:
        print(error.show(), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _tool(args: argparse.Namespace) -> int:
    code: int = importlib.import_module(f"sensors.roles.{args.command}").run(args)
    return code


def _role(args: argparse.Namespace) -> int:
    from sensors.config import Config, NodeTable
    from sensors.daemon import Daemon

    config = Config(args.config)
    data = config.table("node", NodeTable).root
    daemon = Daemon(args.command, data)
    config.keep(data, args.command)
    code: int = importlib.import_module(f"sensors.roles.{args.command}").run(config, daemon)
    return code


if __name__ == "__main__":
    sys.exit(main())
