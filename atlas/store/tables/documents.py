"""Trusted documents."""

from sqlalchemy import BigInteger, Column, Identity, Table, Text, UniqueConstraint, text

from atlas.store.tables.types import Instant, Name, metadata

trusted_documents = Table(
    "trusted_documents",
    metadata,
    Column("id", Name, primary_key=True),
    Column("body", Text, nullable=False),
    Column("revision", BigInteger, Identity(always=True), nullable=False),
    Column("loaded_at", Instant, nullable=False, server_default=text("now()")),
    UniqueConstraint("revision", name="trusted_documents_revision"),
)
