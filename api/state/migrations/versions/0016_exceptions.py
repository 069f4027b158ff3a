"""exceptions

Revision 0016, after 0015. What an agency's people except from its rules, with owner, reason and end.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exceptions",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=24), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("owner_name", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.Column("ended_by", sa.String(length=256)),
        sa.Column("ended_reason", sa.Text()),
        sa.Column("tested", sa.JSON(), nullable=False),
        sa.Column("hidden", sa.Integer(), nullable=False),
        sa.Column("hidden_at", sa.Double()),
        sa.Column("fault", sa.String(length=16)),
        sa.Column("warned_at", sa.Double()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.id"], name=op.f("fk_exceptions_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exceptions")),
    )
    op.create_index(op.f("ix_exceptions_alert_id"), "exceptions", ["alert_id"])
    op.create_index(op.f("ix_exceptions_owner_id"), "exceptions", ["owner_id"])
    op.create_index(op.f("ix_exceptions_agency_state_until"), "exceptions", ["agency", "state", "until"])
