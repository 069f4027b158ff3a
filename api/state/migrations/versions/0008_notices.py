"""notices: channels, routes, duty rosters, the outbox

Revision 0008, after 0007. Forward only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice_channel",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("titles", sa.Boolean(), nullable=False),
        sa.Column("tells_over", sa.Boolean(), nullable=False),
        sa.Column("personal", sa.String(length=16), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("fails", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_channel")),
    )
    with op.batch_alter_table("notice_channel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_channel_agency"), ["agency"], unique=False)

    op.create_table(
        "notice_holiday",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_holiday")),
    )
    with op.batch_alter_table("notice_holiday", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_holiday_agency_day"), ["agency", "day"], unique=True)

    op.create_table(
        "notice_reach",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("mail", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_reach_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notice_reach")),
    )
    op.create_table(
        "notice_team",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["user_account.id"], name=op.f("fk_notice_team_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_team")),
    )
    with op.batch_alter_table("notice_team", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_team_agency"), ["agency"], unique=False)

    op.create_table(
        "notice_cover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("start", sa.Double(), nullable=False),
        sa.Column("end", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=512), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["user_account.id"], name=op.f("fk_notice_cover_asked_by")),
        sa.ForeignKeyConstraint(["team_id"], ["notice_team.id"], name=op.f("fk_notice_cover_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_cover_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_cover")),
    )
    with op.batch_alter_table("notice_cover", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_cover_end"), ["end"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_cover_team_id"), ["team_id"], unique=False)

    op.create_table(
        "notice_handover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["notice_team.id"], name=op.f("fk_notice_handover_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_handover_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_handover")),
    )
    with op.batch_alter_table("notice_handover", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_handover_team_id"), ["team_id"], unique=False)

    op.create_table(
        "notice_route",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("hours", sa.String(length=8), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("line_team_id", sa.Integer(), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("window_s", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["notice_channel.id"], name=op.f("fk_notice_route_channel_id")),
        sa.ForeignKeyConstraint(["line_team_id"], ["notice_team.id"], name=op.f("fk_notice_route_line_team_id")),
        sa.ForeignKeyConstraint(["team_id"], ["notice_team.id"], name=op.f("fk_notice_route_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_route_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_route")),
    )
    with op.batch_alter_table("notice_route", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_route_agency"), ["agency"], unique=False)

    op.create_table(
        "notice_shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("from_min", sa.Integer(), nullable=False),
        sa.Column("until_min", sa.Integer(), nullable=False),
        sa.Column("since", sa.String(length=10), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["notice_team.id"], name=op.f("fk_notice_shift_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_shift_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_shift")),
    )
    with op.batch_alter_table("notice_shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_shift_team_id"), ["team_id"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("route_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("escalate_at", sa.Double(), nullable=True),
        sa.Column("acknowledged_at", sa.Double(), nullable=True),
        sa.Column("acknowledged_by", sa.Integer(), nullable=True),
        sa.Column("acknowledged_how", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["user_account.id"], name=op.f("fk_notice_acknowledged_by")),
        sa.ForeignKeyConstraint(["first_id"], ["notice_matter.id"], name=op.f("fk_notice_first_id")),
        sa.ForeignKeyConstraint(["route_id"], ["notice_route.id"], name=op.f("fk_notice_route_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_escalate_at"), ["escalate_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_route_id_agency_at"), ["route_id", "agency", "at"], unique=False)

    op.create_table(
        "notice_sending",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("receipt", sa.String(length=256), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("hidden_until", sa.Double(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["notice_channel.id"], name=op.f("fk_notice_sending_channel_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_sending_notice_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_sending_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_sending")),
        sa.UniqueConstraint("uid", name=op.f("uq_notice_sending_uid")),
    )
    with op.batch_alter_table("notice_sending", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_sending_agency_id"), ["agency", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_sending_channel_id"), ["channel_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_sending_notice_id"), ["notice_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_sending_state_next_at"), ["state", "next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notice_sending_user_id"), ["user_id"], unique=False)

    op.create_table(
        "notice_told",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("matter_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["matter_id"], ["notice_matter.id"], name=op.f("fk_notice_told_matter_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_told_notice_id")),
        sa.PrimaryKeyConstraint("notice_id", "matter_id", name=op.f("pk_notice_told")),
    )
    with op.batch_alter_table("notice_told", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_told_matter_id"), ["matter_id"], unique=False)
