"""`python -m api.node.keeping.rehearse COPY`: the new program migrates a copy of the database, and looks.

Run out of the new environment by the old program: so only the path crosses, and 0 or a reason on stderr comes back.
"""

from __future__ import annotations

import sys
from pathlib import Path

from api.state.base import Database, load_tables
from api.state.migrate import migrate
from sensors.errors import LuytreError


def rehearse(path: Path) -> str:
    """What is wrong, or nothing."""
    from sqlalchemy import inspect

    db = Database(path)
    try:
        migrate(db)
        load_tables()
        from api.state.base import Base

        with db.writer.begin() as connection:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                return f"foreign key: {broken[0]} row {broken[1]} points at {broken[2]}"
            said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if said != "ok":
                return str(said)
            missing = set(Base.metadata.tables) - set(inspect(connection).get_table_names())
            return f"tables are missing: {', '.join(sorted(missing))}" if missing else ""
    except LuytreError as error:
        return str(error)
    finally:
        db.close()


if __name__ == "__main__":
    why = rehearse(Path(sys.argv[1]))
    print(why, file=sys.stderr)
    sys.exit(1 if why else 0)
