"""`luytre rules check`: the rules by Sigma's own book (sigma-cli). `lint` says this and more."""

from __future__ import annotations

import typer

from api.node.rulework import sigma_cli
from api.node.rulework.places import At, Paths, places, tell
from correlator.engine.load import files
from sensors.errors import EXIT_FAILED, EXIT_OK

# Both download lists; our own contract test compares the tags with a local copy of ATT&CK instead.
NOT_CHECKED = ("attacktag", "d3_fendtag")


def command(paths: Paths = None, config: At = None) -> None:
    """Kiểm tra luật theo chuẩn Sigma bằng sigma-cli."""
    rules, _ = places(paths, config)
    with sigma_cli.copies(files(rules)) as (stage, made):
        said = sigma_cli.run(words(str(stage)), made)
    tell((said.out + said.err).strip())
    raise typer.Exit(EXIT_OK if said.code == 0 and made else EXIT_FAILED)


def words(folder: str) -> list[str]:
    return ["check", "--fail-on-issues", "--file-pattern=*.y*ml", folder, *(f"--exclude={one}" for one in NOT_CHECKED)]
