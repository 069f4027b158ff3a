"""A database of an earlier release, full of rows: made from its own migrations, so that it needs no old program.

`old_database(path, "0002", rows)` brings a fresh file to that revision and puts `rows` rows into every table: each
value made from its column's type and the row's number, each foreign key at a row that exists.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import JSON, Boolean, Column, Float, Integer, MetaData, Table, Text, func, insert, select
from sqlalchemy.sql.type_api import TypeEngine

from api.state.base import Database
from api.state.migrate import _config


def old_database(path: Path, revision: str, rows: int = 50) -> dict[str, int]:
    """Rows by table."""
    db = Database(path)
    try:
        with db.writer.begin() as connection:
            command.upgrade(_config(connection), revision)
        with db.writer.begin() as connection:
            held = MetaData()
            held.reflect(connection)
            for table in held.sorted_tables:
                if table.name != "alembic_version":
                    connection.execute(insert(table), [_row(table, number) for number in range(1, rows + 1)])
            return {table.name: connection.execute(select(func.count()).select_from(table)).scalar() or 0
                    for table in held.sorted_tables if table.name != "alembic_version"}  # fmt: skip
    finally:
        db.close()


def _row(table: Table, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        keys = list(column.foreign_keys)
        if keys:
            target = keys[0].column
            own = target.table is table
            row[column.name] = None if own else _value(target.table.name, target, number)
        else:
            row[column.name] = _value(table.name, column, number)
    return row


def _value(table: str, column: Column[Any], number: int) -> Any:
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, JSON):
        return {"number": number, "text": "tiếng Việt"}
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, Float):
        return 1_795_000_000.0 + number
    text = f"{table[:6]}-{column.name[:6]}-{number}"
    return text if isinstance(kind, Text) else text[-(getattr(kind, "length", None) or 200) :]
