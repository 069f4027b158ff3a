"""marks have room

Revision 0017, after 0016. An indicator of an incident may carry any TLP 2.0 label; `amber+strict` has twelve letters,
and PostgreSQL refuses what a column has no room for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("incident_indicator") as batch:
        batch.alter_column("tlp", existing_type=sa.String(8), type_=sa.String(16), existing_nullable=False)
