"""the queue's order

Revision 0012, after 0011. Indexes for the orders and counts that the alert queue is read by. SQLite's planner knows
nothing of a new table: it takes `agency = ?` for a rare thing and sorts the whole queue for each page. So it is told
how an alert table looks until it has seen enough of one itself (`Database.tidy`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Of 100,000 alerts, how many share the first column, the first two, … (https://www.sqlite.org/fileformat2.html#stat1tab)
SPREAD = {
    "ix_alert_queue": "100000 5000 4 1 1 1",
    "ix_alert_arrival": "100000 4 1 1 1",
    "ix_alert_counts": "100000 50000 20000 8000 8000",
    "ix_alert_status_last_seen": "100000 30000 4",
    "ix_alert_agency_status_last_seen": "100000 50000 20000 4",
    "ix_alert_rule_id_last_seen": "100000 1000 3",
    "ix_alert_snooze_until": "100000 1000",
    "ix_alert_incident_id": "100000 500",
    "ix_alert_system_id": "100000 2000",
    "sqlite_autoindex_alert_1": "100000 1",
}


def upgrade() -> None:
    op.drop_index("ix_alert_priority_last_seen", table_name="alert")
    op.create_index("ix_alert_queue", "alert", ["priority", "last_seen", "id", "agency", "status"])
    op.create_index("ix_alert_arrival", "alert", ["first_seen", "id", "agency", "status"])
    op.create_index("ix_alert_counts", "alert", ["agency", "status", "level", "woken"])
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    op.execute("ANALYZE alert")
    if connection.scalar(sa.text("SELECT count(*) FROM alert")) < 10_000:
        op.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'alert'")
        for index, spread in SPREAD.items():
            op.execute(f"INSERT INTO sqlite_stat1 VALUES ('alert', '{index}', '{spread}')")  # noqa: S608
