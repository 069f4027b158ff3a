"""spine

Revision 0001, after None.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["agency.code"], name=op.f("fk_agency_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_agency")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.String(length=320), nullable=False),
        sa.Column("actor_name", sa.String(length=256), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=128), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_agency"), ["agency"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_entry_at"), ["at"], unique=False)

    op.create_table(
        "enrolment_tokens",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float(), nullable=True),
        sa.Column("used_serial", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_enrolment_tokens_token_hash")),
    )
    op.create_table(
        "job_run",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("took_s", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_run")),
    )
    op.create_table(
        "live_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.String(length=128), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_change")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("live_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_live_change_at"), ["at"], unique=False)

    op.create_table(
        "login_try",
        sa.Column("key", sa.String(length=320), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_try")),
    )
    with op.batch_alter_table("login_try", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_try_window_ends_at"), ["window_ends_at"], unique=False)

    op.create_table(
        "machines",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("enrolled_at", sa.Float(), nullable=False),
        sa.Column("last_seen_at", sa.Float(), nullable=True),
        sa.Column("certificate_expires_at", sa.Float(), nullable=True),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("claimed", sa.String(length=200), nullable=True),
        sa.Column("claimed_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machines")),
        sa.UniqueConstraint("agency", "role", "name", name=op.f("uq_machines_agency_role_name")),
    )
    with op.batch_alter_table("machines", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_machines_agency"), ["agency"], unique=False)

    op.create_table(
        "number_series",
        sa.Column("series", sa.String(length=16), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_number_series")),
    )
    op.create_table(
        "outgoing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=128), nullable=False),
        sa.Column("item_revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("queued_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", sa.Double(), nullable=True),
        sa.Column("next_attempt_at", sa.Double(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("reason", sa.JSON(), nullable=True),
        sa.Column("receipt_id", sa.String(length=32), nullable=True),
        sa.Column("receipt_at", sa.Double(), nullable=True),
        sa.Column("receipt_by", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("item_id", "item_revision", name=op.f("uq_outgoing_item_id_item_revision")),
        sa.UniqueConstraint("sequence", name=op.f("uq_outgoing_sequence")),
    )
    with op.batch_alter_table("outgoing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outgoing_ref_id"), ["ref", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outgoing_state_id"), ["state", "id"], unique=False)

    op.create_table(
        "raised",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=128), nullable=False),
        sa.Column("item_revision", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("level_order", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("first_seen", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("alerts_count", sa.Integer(), nullable=False),
        sa.Column("item", sa.JSON(), nullable=False),
        sa.Column("acknowledged_at", sa.Double(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=256), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raised")),
        sa.UniqueConstraint("agency", "item_id", name=op.f("uq_raised_agency_item_id")),
    )
    with op.batch_alter_table("raised", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_raised_state_received_at"), ["state", "received_at"], unique=False)

    op.create_table(
        "received",
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "sequence", name=op.f("pk_received")),
    )
    op.create_table(
        "tail_place",
        sa.Column("reader", sa.String(length=32), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_tail_place")),
    )
    op.create_table(
        "uplink",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("upstream", sa.String(length=512), nullable=False),
        sa.Column("last_contact_at", sa.Double(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.Double(), nullable=False),
        sa.Column("words_after", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uplink")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("password", sa.String(length=512), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("password_at", sa.Double(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
    )
    op.create_table(
        "word_heard",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("item_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_word_heard")),
    )
    with op.batch_alter_table("word_heard", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_word_heard_item_id"), ["item_id"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("machine_id", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], name=op.f("fk_api_keys_machine_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_keys_machine_id"), ["machine_id"], unique=False)

    op.create_table(
        "case_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.String(length=256), nullable=False),
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["user_account.id"], name=op.f("fk_case_history_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_history")),
    )
    with op.batch_alter_table("case_history", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_case_history_kind_object_id_id"), ["kind", "object_id", "id"], unique=False
        )

    op.create_table(
        "certificates",
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("machine_id", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], name=op.f("fk_certificates_machine_id")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_certificates")),
    )
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_certificates_machine_id"), ["machine_id"], unique=False)

    op.create_table(
        "incident",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("level_order", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("coordinator_id", sa.Integer(), nullable=False),
        sa.Column("first_seen", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["coordinator_id"], ["user_account.id"], name=op.f("fk_incident_coordinator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_incident_agency_state_last_seen"), ["agency", "state", "last_seen"], unique=False
        )

    op.create_table(
        "login_link",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_login_link_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_login_link")),
    )
    with op.batch_alter_table("login_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_link_ends_at"), ["ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_link_user_id"), ["user_id"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_login_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_login_session")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_session_ends_at"), ["ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_session_user_id"), ["user_id"], unique=False)

    op.create_table(
        "machine_streams",
        sa.Column("machine_id", sa.String(length=200), nullable=False),
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("first_data_at", sa.Float(), nullable=False),
        sa.Column("last_data_at", sa.Float(), nullable=False),
        sa.Column("last_event_at", sa.Float(), nullable=True),
        sa.Column("events_total", sa.Integer(), nullable=False),
        sa.Column("noop_total", sa.Integer(), nullable=False),
        sa.Column("refused_total", sa.Integer(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=True),
        sa.Column("spooled", sa.Integer(), nullable=True),
        sa.Column("dropped", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], name=op.f("fk_machine_streams_machine_id")),
        sa.PrimaryKeyConstraint("machine_id", "stream", name=op.f("pk_machine_streams")),
    )
    op.create_table(
        "raised_indicator",
        sa.Column("raised_id", sa.String(length=24), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("tlp", sa.String(length=16), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["raised_id"], ["raised.id"], name=op.f("fk_raised_indicator_raised_id")),
        sa.PrimaryKeyConstraint("raised_id", "type", "value", name=op.f("pk_raised_indicator")),
    )
    with op.batch_alter_table("raised_indicator", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_raised_indicator_type_value_agency"), ["type", "value", "agency"], unique=False
        )

    op.create_table(
        "raised_revision",
        sa.Column("raised_id", sa.String(length=24), nullable=False),
        sa.Column("item_revision", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("receipt_id", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["raised_id"], ["raised.id"], name=op.f("fk_raised_revision_raised_id")),
        sa.PrimaryKeyConstraint("raised_id", "item_revision", name=op.f("pk_raised_revision")),
    )
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_role_grant_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
    )
    with op.batch_alter_table("role_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_role_grant_user_id"), ["user_id"], unique=False)

    op.create_table(
        "word_spoken",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("item_id", sa.String(length=128), nullable=False),
        sa.Column("raised_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["raised_id"], ["raised.id"], name=op.f("fk_word_spoken_raised_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_word_spoken")),
    )
    with op.batch_alter_table("word_spoken", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_word_spoken_raised_id"), ["raised_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_word_spoken_sender_id"), ["sender", "id"], unique=False)

    op.create_table(
        "alert",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("rule_id", sa.String(length=128), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("open_key", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("level_order", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("woken", sa.Boolean(), nullable=False),
        sa.Column("disposition", sa.String(length=24), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_seen", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("group", sa.JSON(), nullable=False),
        sa.Column("techniques", sa.JSON(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("snooze_until", sa.Double(), nullable=True),
        sa.Column("snooze_reason", sa.Text(), nullable=True),
        sa.Column("snooze_by", sa.String(length=256), nullable=True),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("incident_id", sa.String(length=24), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assignee_id"], ["user_account.id"], name=op.f("fk_alert_assignee_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_alert_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("open_key", name=op.f("uq_alert_open_key")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_alert_agency_status_last_seen"), ["agency", "status", "last_seen"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_alert_incident_id"), ["incident_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_rule_id_last_seen"), ["rule_id", "last_seen"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_snooze_until"), ["snooze_until"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_status_last_seen"), ["status", "last_seen"], unique=False)

    op.create_table(
        "incident_indicator",
        sa.Column("incident_id", sa.String(length=24), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("tlp", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_indicator_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "type", "value", name=op.f("pk_incident_indicator")),
    )
    with op.batch_alter_table("incident_indicator", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_indicator_type_value"), ["type", "value"], unique=False)

    op.create_table(
        "alert_entity",
        sa.Column("alert_id", sa.String(length=24), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_entity_alert_id")),
        sa.PrimaryKeyConstraint("alert_id", "field", "value", name=op.f("pk_alert_entity")),
    )
    with op.batch_alter_table("alert_entity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_entity_field_value"), ["field", "value"], unique=False)

    op.create_table(
        "alert_hit",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("alert_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("folded_at", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("event_ids", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_hit_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_hit")),
    )
    with op.batch_alter_table("alert_hit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_hit_alert_id_at"), ["alert_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_hit_folded_at"), ["folded_at"], unique=False)

    op.create_table(
        "alert_hour",
        sa.Column("alert_id", sa.String(length=24), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_hour_alert_id")),
        sa.PrimaryKeyConstraint("alert_id", "hour", name=op.f("pk_alert_hour")),
    )


def downgrade() -> None:
    op.drop_table("alert_hour")
    with op.batch_alter_table("alert_hit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_hit_folded_at"))
        batch_op.drop_index(batch_op.f("ix_alert_hit_alert_id_at"))

    op.drop_table("alert_hit")
    with op.batch_alter_table("alert_entity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_entity_field_value"))

    op.drop_table("alert_entity")
    with op.batch_alter_table("incident_indicator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_indicator_type_value"))

    op.drop_table("incident_indicator")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_status_last_seen"))
        batch_op.drop_index(batch_op.f("ix_alert_snooze_until"))
        batch_op.drop_index(batch_op.f("ix_alert_rule_id_last_seen"))
        batch_op.drop_index(batch_op.f("ix_alert_incident_id"))
        batch_op.drop_index(batch_op.f("ix_alert_agency_status_last_seen"))

    op.drop_table("alert")
    with op.batch_alter_table("word_spoken", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_word_spoken_sender_id"))
        batch_op.drop_index(batch_op.f("ix_word_spoken_raised_id"))

    op.drop_table("word_spoken")
    with op.batch_alter_table("role_grant", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_role_grant_user_id"))

    op.drop_table("role_grant")
    op.drop_table("raised_revision")
    with op.batch_alter_table("raised_indicator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_raised_indicator_type_value_agency"))

    op.drop_table("raised_indicator")
    op.drop_table("machine_streams")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_session_user_id"))
        batch_op.drop_index(batch_op.f("ix_login_session_ends_at"))

    op.drop_table("login_session")
    with op.batch_alter_table("login_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_link_user_id"))
        batch_op.drop_index(batch_op.f("ix_login_link_ends_at"))

    op.drop_table("login_link")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_agency_state_last_seen"))

    op.drop_table("incident")
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_certificates_machine_id"))

    op.drop_table("certificates")
    with op.batch_alter_table("case_history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_history_kind_object_id_id"))

    op.drop_table("case_history")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_keys_machine_id"))

    op.drop_table("api_keys")
    with op.batch_alter_table("word_heard", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_word_heard_item_id"))

    op.drop_table("word_heard")
    op.drop_table("user_account")
    op.drop_table("uplink")
    op.drop_table("tail_place")
    op.drop_table("received")
    with op.batch_alter_table("raised", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_raised_state_received_at"))

    op.drop_table("raised")
    with op.batch_alter_table("outgoing", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outgoing_state_id"))
        batch_op.drop_index(batch_op.f("ix_outgoing_ref_id"))

    op.drop_table("outgoing")
    op.drop_table("number_series")
    with op.batch_alter_table("machines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_machines_agency"))

    op.drop_table("machines")
    with op.batch_alter_table("login_try", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_try_window_ends_at"))

    op.drop_table("login_try")
    with op.batch_alter_table("live_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_live_change_at"))

    op.drop_table("live_change")
    op.drop_table("job_run")
    op.drop_table("enrolment_tokens")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entry_at"))
        batch_op.drop_index(batch_op.f("ix_audit_entry_agency"))

    op.drop_table("audit_entry")
    op.drop_table("agency")
