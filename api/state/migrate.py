"""Bring a node's database to the schema of this program, forward only, in one transaction.

In:  an open `Database`. Out: the schema at `migrations.HEAD`, or LuytreError when the database is newer than we are (a
     downgrade: restore the backup made before). Alembic is only imported when something has to change: it costs 9 MB.
`python -m api.state.migrate "what changes"` writes the next revision from the models, over a scratch database.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from api.state.base import Database
from api.state.migrations import HEAD
from sensors.errors import LuytreError, Problem

_FOLDER = Path(__file__).parent / "migrations"


def migrate(db: Database) -> None:
    with db.writer.begin() as connection:
        here = revision(connection)
        if here == HEAD:
            return
        if here is not None and here > HEAD:
            raise LuytreError(
                Problem(
                    "LT-A0110",
                    f"cơ sở dữ liệu thuộc phiên bản mới hơn ({here}); chương trình này chỉ biết đến {HEAD}",
                    f"the database is of a newer version ({here}); this program knows {HEAD}",
                )
            )
        from alembic import command

        command.upgrade(_config(connection), "head")


def revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _config(connection: Connection):  # type: ignore[no-untyped-def]  # noqa: ANN202  # alembic is imported late
    from alembic.config import Config

    config = Config(config_args={"script_location": str(_FOLDER), "path_separator": "os"})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def write_revision(message: str) -> Path:
    """The next revision, from the difference between the migrations and the models."""
    from alembic import command

    last = sorted(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))
    number = f"{int(last[-1]) + 1 if last else 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    with tempfile.TemporaryDirectory() as folder:
        db = Database(Path(folder) / "scratch.db")
        try:
            with db.writer.begin() as connection:
                config = _config(connection)
                config.set_main_option("file_template", f"{number}_{slug}")
                command.upgrade(config, "head")
                command.revision(config, message, autogenerate=True, rev_id=number)
        finally:
            db.close()
    return _FOLDER / "versions" / f"{number}_{slug}.py"


if __name__ == "__main__":
    print(write_revision(" ".join(sys.argv[1:]) or "change"))
