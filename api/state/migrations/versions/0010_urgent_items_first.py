"""urgent items first

Revision 0010, after 0009. What was tried before keeps its number: the centre may have it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outgoing", sa.Column("fixed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("outgoing", sa.Column("urgency", sa.Integer(), server_default="0", nullable=False))
    op.execute(sa.text("UPDATE outgoing SET fixed = true WHERE attempts > 0 OR state <> 'waiting'"))
    op.create_index("ix_outgoing_fixed_state_urgency_id", "outgoing", ["fixed", "state", "urgency", "id"])
