"""Alembic's environment: always run by `api.state.migrate` over its open connection, never from a URL of its own."""

from __future__ import annotations

from alembic import context

from api.state.base import Base, load_tables

load_tables()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    compare_type=True,
    transactional_ddl=True,  # our connection began with BEGIN IMMEDIATE, so SQLite's DDL rolls back too
)
with context.begin_transaction():
    context.run_migrations()
