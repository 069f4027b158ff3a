"""`luytre rules`: rules as code, shipped ones and one's own. A file per sub-command in rulework/; this one finds them.

Only the module that is asked for is imported: `luytre rules list` does not wait for what `import` needs.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import typer

from api.node.rulework import COMMANDS

HELP = """luytre rules test ./luat-cua-toi

luytre rules backtest ssh_brute_force --days 7

luytre rules import ./sigma/rules --name sigmahq

luytre rules coverage --json > phu-song.json"""


def app(args: Sequence[str], prog_name: str) -> None:
    """What a typer application is called like: luytre's own table calls it so."""
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help=HELP)
    made.callback()(_group)
    asked = next((word for word in args if not word.startswith("-")), "")
    for name in [asked] if asked in COMMANDS else COMMANDS:
        made.command(name)(importlib.import_module(COMMANDS[name]).command)
    made(args=list(args), prog_name=prog_name)


def _group() -> None:
    """Typer makes a group of commands, even of one, when there is a callback."""
