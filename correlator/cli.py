"""`luytre-correlator`: one word chooses what this process is; its module is imported then, and nothing else.

Services (`run(config, daemon)`) run until they are told to stop; tools (`arguments(parser)`, `run(args)`) do one thing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from sensors.errors import EXIT_INTERRUPTED, LuytreError

SERVICES = {
    "index": ("correlator.index", "index", "lập chỉ mục từ nhật ký sự kiện / build the search index"),
    "run": ("correlator.run", "correlator", "chạy luật trên dòng sự kiện / run the rules over the stream"),
}
TOOLS = {
    "scan": ("correlator.scan", "chạy luật trên tệp / run the rules over files"),
    "bench": ("correlator.bench", "đo tốc độ của bộ luật / measure how fast the rules are"),
}


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="luytre-correlator", description="Bộ tương quan Lũy Tre / the correlator")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in words if not word.startswith("-")), "")
    for name, (_, _, text) in SERVICES.items():
        commands.add_parser(name, help=text).add_argument("--config", type=Path)
    for name, (module, text) in TOOLS.items():
        tool = commands.add_parser(name, help=text)
        if name == chosen:
            importlib.import_module(module).arguments(tool)
    args = parser.parse_args(words)
    try:
        return _service(args) if args.command in SERVICES else _tool(args)
    except LuytreError as error:
        print(error.show(), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _tool(args: argparse.Namespace) -> int:
    code: int = importlib.import_module(TOOLS[args.command][0]).run(args)
    return code


def _service(args: argparse.Namespace) -> int:
    from sensors.config import Config, NodeTable
    from sensors.daemon import Daemon

    config = Config(args.config)
    module, name, _ = SERVICES[args.command]
    data = config.table("node", NodeTable).root
    daemon = Daemon(name, data)
    config.keep(data, name)
    code: int = importlib.import_module(module).run(config, daemon)
    return code


if __name__ == "__main__":
    sys.exit(main())
