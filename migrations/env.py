"""Runs the migrations over the connection that Atlas hands in (`atlas db upgrade`)."""

from alembic import context
from sqlalchemy import Connection

from atlas.store.tables import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema="atlas",
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name == "atlas",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
