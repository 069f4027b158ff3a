"""names in Vietnamese order

Revision 0014, after 0013. Systems and assets get a key by which any database sorts their names as the dashboard does;
it is filled for the rows that are there, PAGE at a time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.organisation.order import stored_key

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
PAGE = 1_000


def upgrade() -> None:
    for table, name in (("system", "name"), ("asset", "host")):
        key = f"{name}_key"
        op.add_column(table, sa.Column(key, sa.String(length=512), nullable=False, server_default=""))
        _fill(sa.table(table, sa.column("id"), sa.column(name), sa.column(key)), name, key)


def _fill(table: sa.TableClause, name: str, key: str) -> None:
    connection, last = op.get_bind(), ""
    while rows := connection.execute(
        sa.select(table.c.id, table.c[name]).where(table.c.id > last).order_by(table.c.id).limit(PAGE)
    ).all():
        connection.execute(
            sa.update(table).where(table.c.id == sa.bindparam("one")).values({key: sa.bindparam("sorts")}),
            [{"one": row[0], "sorts": stored_key(row[1])} for row in rows],
        )
        last = rows[-1][0]
