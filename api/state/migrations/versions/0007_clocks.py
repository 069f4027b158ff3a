"""clocks

Revision 0007, after 0006: rules of deadlines, findings of incidents, documents, clocks, organisations.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("changed_name", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_organisation")),
    )
    op.create_table(
        "clock_rule",
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=True),
        sa.Column("made_name", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["user_account.id"], name=op.f("fk_clock_rule_made_by")),
        sa.PrimaryKeyConstraint("rule_id", "version", name=op.f("pk_clock_rule")),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=24), nullable=True),
        sa.Column("period", sa.String(length=16), nullable=True),
        sa.Column("form_id", sa.String(length=32), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_name", sa.String(length=256), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("handed_at", sa.Double(), nullable=True),
        sa.Column("handed_to", sa.String(length=512), nullable=True),
        sa.Column("handed_by", sa.Integer(), nullable=True),
        sa.Column("handed_name", sa.String(length=256), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["handed_by"], ["user_account.id"], name=op.f("fk_document_handed_by")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_document_incident_id")),
        sa.ForeignKeyConstraint(["made_by"], ["user_account.id"], name=op.f("fk_document_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index(op.f("ix_document_agency_made_at"), "document", ["agency", "made_at"], unique=False)
    op.create_index(op.f("ix_document_incident_id"), "document", ["incident_id"], unique=False)
    op.create_table(
        "incident_finding",
        sa.Column("incident_id", sa.String(length=24), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("detected_at", sa.Double(), nullable=True),
        sa.Column("particulars", sa.JSON(), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_finding_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incident_finding")),
    )
    op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=192), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("incident_id", sa.String(length=24), nullable=True),
        sa.Column("period", sa.String(length=16), nullable=True),
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("start_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("met_at", sa.Double(), nullable=True),
        sa.Column("met_number", sa.String(length=64), nullable=True),
        sa.Column("document_id", sa.String(length=24), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.Column("ended_name", sa.String(length=256), nullable=True),
        sa.Column("reason", sa.JSON(), nullable=True),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_clock_document_id")),
        sa.ForeignKeyConstraint(["ended_by"], ["user_account.id"], name=op.f("fk_clock_ended_by")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_clock_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
        sa.UniqueConstraint("key", name=op.f("uq_clock_key")),
    )
    op.create_index(op.f("ix_clock_agency_state_due_at"), "clock", ["agency", "state", "due_at"], unique=False)
    op.create_index(op.f("ix_clock_incident_id"), "clock", ["incident_id"], unique=False)
    op.create_index(op.f("ix_clock_next_at"), "clock", ["next_at"], unique=False)
