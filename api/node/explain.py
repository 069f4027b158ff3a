"""`luytre explain LT-C0104`: the cause of a code and what to do, in the reader's language; without a code, the list."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from api.node.cli import language
from sensors.errors import Hint, LuytreError, Problem, guess

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def explain(
    code: Annotated[str, typer.Argument(help="LT-C0104; không có: mọi mã / none: all of them")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """luytre explain LT-C0104   ·   luytre explain"""
    from api.node.catalogue import pages

    known = pages()
    wanted = code.strip().upper()
    if wanted and not wanted.startswith("LT-"):
        wanted = f"LT-{wanted}"
    if wanted and wanted not in known:
        meant = guess(wanted, known)
        label = Hint(f"có phải ý bạn là {meant}?", f"did you mean {meant}?") if meant else None
        raise LuytreError(Problem("LT-N0302", f"không có mã `{code[:40]}`", f"no code `{code[:40]}`", label=label))
    chosen = [known[wanted]] if wanted else list(known.values())
    if as_json:
        print(json.dumps([{"code": page.code, "cause": page.cause._asdict(), "act": page.act._asdict()}
                          for page in chosen], ensure_ascii=False))  # fmt: skip
    elif wanted:
        print(chosen[0].show(language()))
    else:
        print("\n".join(f"{page.code}  {page.cause.of(language())}" for page in chosen))
