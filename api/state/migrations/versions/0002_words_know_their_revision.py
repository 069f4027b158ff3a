"""words know their revision

Revision 0002, after 0001. Words are numbered by the clock, which needs 64 bits on PostgreSQL.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WIDER = (("word_spoken", "id"), ("word_heard", "id"), ("uplink", "words_after"))


def upgrade() -> None:
    for table, column in _WIDER:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False)
    with op.batch_alter_table("word_spoken", schema=None) as batch_op:
        batch_op.add_column(sa.Column("item_revision", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("word_spoken", schema=None) as batch_op:
        batch_op.drop_column("item_revision")
    for table, column in _WIDER:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, existing_type=sa.BigInteger(), type_=sa.Integer(), existing_nullable=False)
