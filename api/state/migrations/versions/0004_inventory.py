"""inventory

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, of in (("asset_seen", "asset"), ("system_seen", "system")):
        op.create_table(
            table,
            sa.Column(f"{of}_id", sa.String(length=24), nullable=False),
            sa.Column("last_data_at", sa.Double(), nullable=False),
            sa.ForeignKeyConstraint([f"{of}_id"], [f"{of}.id"], name=op.f(f"fk_{table}_{of}_id")),
            sa.PrimaryKeyConstraint(f"{of}_id", name=op.f(f"pk_{table}")),
        )
    op.create_table(
        "inventory_naming",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("named", sa.Integer(), nullable=False),
        sa.Column("doing", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_inventory_naming")),
    )
    op.add_column("alert", sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    # Levels as api/casework/priority.py counted them when this was written; nothing had a grade before.
    op.execute("UPDATE alert SET priority = level_order * 20")
    op.create_index("ix_alert_priority_last_seen", "alert", ["priority", "last_seen"])
