"""Alembic's migrations of the node's database; `HEAD` is the newest (a test compares)."""

HEAD = "0017"
