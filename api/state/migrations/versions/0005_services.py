"""services: what the probes report, by minute and day; outages; windows of planned work

Revision 0005, after 0004. Forward only: who must go back restores the backup made before (luytre upgrade).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_window",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("services", sa.JSON(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("retroactive", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("cancelled_at", sa.Double(), nullable=True),
        sa.Column("cancelled_by", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_window")),
    )
    with op.batch_alter_table("service_window", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_window_agency_until"), ["agency", "until"], unique=False)

    op.create_table(
        "service",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=130), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=256), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("system_word", sa.String(length=256), nullable=False),
        sa.Column("system_id", sa.String(length=24), nullable=True),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("slow_ms", sa.Double(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("maintenance", sa.Boolean(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("checked_at", sa.Double(), nullable=False),
        sa.Column("certificate_expires_at", sa.Double(), nullable=True),
        sa.Column("certificate_told", sa.Integer(), nullable=True),
        sa.Column("retired_at", sa.Double(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_service_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("agency", "key", name=op.f("uq_service_agency_key")),
    )
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_agency_state"), ["agency", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_system_id"), ["system_id"], unique=False)

    op.create_table(
        "service_day",
        sa.Column("service_id", sa.String(length=24), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Integer(), nullable=False),
        sa.Column("slow", sa.Integer(), nullable=False),
        sa.Column("suspect", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.Column("maintenance", sa.Integer(), nullable=False),
        sa.Column("p50_ms", sa.Double(), nullable=True),
        sa.Column("p95_ms", sa.Double(), nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_service_day_service_id")),
        sa.PrimaryKeyConstraint("service_id", "day", name=op.f("pk_service_day")),
    )
    with op.batch_alter_table("service_day", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_day_day"), ["day"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_day_stale"), ["stale"], unique=False)

    op.create_table(
        "service_hour",
        sa.Column("service_id", sa.String(length=24), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("vantage", sa.String(length=128), nullable=False),
        sa.Column("minutes", sa.String(length=60), nullable=False),
        sa.Column("sketch", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_service_hour_service_id")),
        sa.PrimaryKeyConstraint("service_id", "hour", "vantage", name=op.f("pk_service_hour")),
    )
    with op.batch_alter_table("service_hour", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_hour_hour"), ["hour"], unique=False)

    op.create_table(
        "service_vantage",
        sa.Column("service_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=1), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("run", sa.String(length=1), nullable=False),
        sa.Column("run_since", sa.Double(), nullable=False),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("painted", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("every_s", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_service_vantage_service_id")),
        sa.PrimaryKeyConstraint("service_id", "name", name=op.f("pk_service_vantage")),
    )
    op.create_table(
        "service_outage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("flaps", sa.Integer(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("alert_id", sa.String(length=24), nullable=True),
        sa.Column("incident_id", sa.String(length=24), nullable=True),
        sa.Column("joined_at", sa.Double(), nullable=True),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("related", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_service_outage_alert_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_service_outage_incident_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_service_outage_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_outage")),
    )
    with op.batch_alter_table("service_outage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_outage_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_outage_incident_id"), ["incident_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_outage_service_id_since"), ["service_id", "since"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_outage_settled_at"), ["settled_at"], unique=False)
