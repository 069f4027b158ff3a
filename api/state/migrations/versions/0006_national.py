"""national: organisation units with their history, connections, self-tests, reminders, hand-over

Revision 0006, after 0005. `word_spoken` is made anew (nothing points at it): a word may now be about no item.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connection",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_connection")),
    )
    op.create_table(
        "connection_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_change")),
    )
    with op.batch_alter_table("connection_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_connection_change_agency_id"), ["agency", "id"], unique=False)

    op.create_table(
        "item_lead",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=128), nullable=False),
        sa.Column("leader", sa.String(length=8), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("offer", sa.String(length=8), nullable=True),
        sa.Column("offered_at", sa.Double(), nullable=True),
        sa.Column("offered_by", sa.String(length=256), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "item_id", name=op.f("pk_item_lead")),
    )
    op.create_table(
        "org_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=512), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_org_event")),
        sa.UniqueConstraint("key", name=op.f("uq_org_event_key")),
    )
    op.create_table(
        "org_unit",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_org_unit")),
    )
    op.create_table(
        "reminded",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ref", sa.String(length=128), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("heard_at", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=256), nullable=False),
        sa.Column("read_at", sa.Double(), nullable=True),
        sa.Column("read_by", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminded")),
    )
    with op.batch_alter_table("reminded", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminded_agency_id"), ["agency", "id"], unique=False)

    op.create_table(
        "reminder",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=24), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=256), nullable=False),
        sa.Column("word", sa.BigInteger(), nullable=False),
        sa.Column("fetched_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
    )
    with op.batch_alter_table("reminder", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminder_agency_id"), ["agency", "id"], unique=False)

    op.create_table(
        "report_day",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "day", name=op.f("pk_report_day")),
    )
    with op.batch_alter_table("report_day", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_day_day"), ["day"], unique=False)

    op.create_table(
        "report_told",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("heard_at", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_report_told")),
    )
    op.create_table(
        "self_test",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("raised_id", sa.String(length=24), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_self_test")),
    )
    op.create_table(
        "self_test_run",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=24), nullable=True),
        sa.Column("raised_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_test_run")),
    )
    with op.batch_alter_table("self_test_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_self_test_run_asked_at"), ["asked_at"], unique=False)

    op.create_table(
        "tile_day",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("tile", sa.String(length=24), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "tile", name=op.f("pk_tile_day")),
    )
    op.create_table(
        "agency_unit",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_agency_unit_agency")),
        sa.ForeignKeyConstraint(["unit"], ["org_unit.code"], name=op.f("fk_agency_unit_unit")),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_agency_unit")),
    )
    with op.batch_alter_table("agency_unit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agency_unit_unit"), ["unit"], unique=False)

    op.create_table(
        "org_unit_version",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["org_unit.code"], name=op.f("fk_org_unit_version_code")),
        sa.PrimaryKeyConstraint("code", "valid_from", name=op.f("pk_org_unit_version")),
    )
    with op.batch_alter_table("org_unit_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_org_unit_version_parent"), ["parent"], unique=False)

    op.create_table(
        "handover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("open_key", sa.String(length=24), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["user_account.id"], name=op.f("fk_handover_from_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_handover_incident_id")),
        sa.ForeignKeyConstraint(["to_id"], ["user_account.id"], name=op.f("fk_handover_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("open_key", name=op.f("uq_handover_open_key")),
    )
    with op.batch_alter_table("handover", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handover_incident_id"), ["incident_id"], unique=False)

    with op.batch_alter_table("word_spoken", schema=None) as batch_op:
        batch_op.add_column(sa.Column("agency", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("about", sa.JSON(), nullable=True))
        batch_op.alter_column("raised_id", existing_type=sa.VARCHAR(length=24), nullable=True)
        batch_op.create_index(batch_op.f("ix_word_spoken_agency"), ["agency"], unique=False)
