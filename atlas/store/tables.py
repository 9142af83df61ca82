"""The tables, as migrations make them; `atlas db check` holds the two against each other."""

from sqlalchemy import MetaData

metadata = MetaData(schema="atlas")
