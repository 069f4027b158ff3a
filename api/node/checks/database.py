"""LT-D0404: the node's database: whole, of this program's version, and its audit chain's head in place."""

from __future__ import annotations

from collections.abc import Iterator

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run
from api.node.checks._machine import Machine, size
from api.state.migrations import HEAD


def look(machine: Machine) -> Iterator[Finding]:
    from sqlalchemy import inspect, text
    from sqlalchemy.exc import SQLAlchemyError

    path = machine.data / "state" / "luytre.db"
    restore = do(f"Dừng nút, để {path.name} sang bên (đừng xóa), phục hồi bản sao lưu gần nhất",
                 f"Stop the node, set {path.name} aside (do not delete it), restore the newest backup")  # fmt: skip
    try:
        with machine.database() as connection:
            sqlite = connection.dialect.name == "sqlite"
            said = connection.execute(text("PRAGMA quick_check(5)")).scalars().all() if sqlite else ["ok"]
            known = inspect(connection).has_table("alembic_version")
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    except FileNotFoundError:
        yield bad("no-database", f"không có {path}", f"there is no {path}", run(machine.luytre("up")))
        return
    except (OSError, SQLAlchemyError) as error:
        why = str(getattr(error, "orig", None) or type(error).__name__)[:200]
        if "malformed" in why or "not a database" in why:
            yield bad("database-damaged", f"cơ sở dữ liệu hỏng: {why}", f"the database is damaged: {why}", restore)
        else:
            yield bad("database-unreachable", f"không mở được cơ sở dữ liệu: {why}",
                      f"the database cannot be opened: {why}",
                      do("Xem [api] database, quyền của tệp và máy chủ PostgreSQL",
                         "See [api] database, the file's mode, the PostgreSQL server"))  # fmt: skip
        return
    if said != ["ok"]:
        yield bad("database-damaged", f"cơ sở dữ liệu hỏng: {str(said[0])[:150]}",
                  f"the database is damaged: {str(said[0])[:150]}", restore, found=len(said))  # fmt: skip
        return
    if version is None or str(version) < HEAD:
        yield note("migration", f"lược đồ {version or 'trống'}, chương trình cần {HEAD}; tự nâng khi khởi động",
                   f"schema {version or 'none'}, the program wants {HEAD}; brought up at its next start",
                   run(machine.restart()), version=version, wanted=HEAD)  # fmt: skip
    elif str(version) > HEAD:
        yield bad("database-newer", f"lược đồ {version} mới hơn chương trình ({HEAD})",
                  f"schema {version} is newer than this program ({HEAD})",
                  do("Cài lại phiên bản mới hơn, hoặc phục hồi bản sao lưu trước khi nâng cấp",
                     "Install the newer version again, or restore the backup made before the upgrade"),
                  version=version, wanted=HEAD)  # fmt: skip
    else:
        count = path.stat().st_size if path.exists() else 0
        yield ok(f"lược đồ {version}, nguyên vẹn, {size(count)}", f"schema {version}, whole, {size(count)}",
                 version=version, bytes=count)  # fmt: skip


CHECK = Check(
    "LT-D0404", "storage", Words("Cơ sở dữ liệu", "Database"),
    Words("PRAGMA quick_check và phiên bản lược đồ của cơ sở dữ liệu (SQLite hay PostgreSQL).",
          "PRAGMA quick_check and the schema's version (SQLite or PostgreSQL)."),
    look, where=frozenset(("node",)), cheap=False,
)  # fmt: skip
