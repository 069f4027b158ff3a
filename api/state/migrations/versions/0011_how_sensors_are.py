"""how sensors are

Revision 0011, after 0010. Of each machine's stream: real data (not its own heartbeat) by hour for a day, the version
and the clock that its heartbeat told. Rows of before learn it with their next heartbeat.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machine_streams", sa.Column("real_at", sa.Double(), nullable=True))
    op.add_column("machine_streams", sa.Column("beat_lag_s", sa.Double(), nullable=True))
    op.add_column("machine_streams", sa.Column("version", sa.String(length=32), server_default="", nullable=False))
    op.add_column("machine_streams", sa.Column("hours", sa.JSON(), nullable=True))
