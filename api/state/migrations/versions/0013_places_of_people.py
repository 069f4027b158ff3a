"""places of people

Revision 0013, after 0012. From where each person has logged in within 90 days, so that a new place is told to them
(api/auth/places.py).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_place",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_known_place_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "network", "browser", name=op.f("pk_known_place")),
    )
    op.create_index("ix_known_place_seen_at", "known_place", ["seen_at"])
