"""systems, notices, reports

Revision 0003, after 0002. Forward only: who must go back restores the backup made before (luytre upgrade).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reported",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_reported")),
    )
    op.create_table(
        "system",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("owner", sa.String(length=256), nullable=False),
        sa.Column("contact", sa.String(length=256), nullable=False),
        sa.Column("provider", sa.String(length=256), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("secret", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("retired_at", sa.Double(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
    )
    with op.batch_alter_table("system", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_system_agency_retired_at"), ["agency", "retired_at"], unique=False)

    op.create_table(
        "asset",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("system_id", sa.String(length=24), nullable=True),
        sa.Column("host", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=256), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("retired_at", sa.Double(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_asset_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
    )
    with op.batch_alter_table("asset", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asset_agency_retired_at"), ["agency", "retired_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_asset_system_id"), ["system_id"], unique=False)

    op.create_table(
        "notice_matter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.String(length=128), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("link", sa.String(length=256), nullable=False),
        sa.Column("marked", sa.Boolean(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("to_user", sa.Integer(), nullable=True),
        sa.Column("routed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["to_user"], ["user_account.id"], name=op.f("fk_notice_matter_to_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_matter")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_matter_key")),
    )
    with op.batch_alter_table("notice_matter", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_matter_agency_at"), ["agency", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_matter_routed_at"), ["routed_at"], unique=False)

    op.create_table(
        "address",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("asset_id", sa.String(length=24), nullable=True),
        sa.Column("system_id", sa.String(length=24), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_address_asset_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_address_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
    )
    with op.batch_alter_table("address", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_address_agency_kind_value_since"), ["agency", "kind", "value", "since"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_address_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_address_system_id"), ["system_id"], unique=False)

    # Added in place: making the table anew, as a batch does on SQLite, would drop it under the rows that point at it.
    for table in ("alert", "incident"):
        system = sa.ForeignKey("system.id", name=f"fk_{table}_system_id")
        op.add_column(table, sa.Column("system_id", sa.String(24), system, nullable=True), inline_references=True)
        op.add_column(table, sa.Column("grade", sa.Integer(), nullable=True))
        op.create_index(f"ix_{table}_system_id", table, ["system_id"])
