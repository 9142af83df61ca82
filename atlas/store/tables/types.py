"""Column types that all tables share."""

from sqlalchemy import MetaData, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP

metadata = MetaData(schema="atlas")

# The C collation: a prefix is a range of it, and it sorts the same on every machine.
Name = Text(collation="C")
Instant = TIMESTAMP(timezone=True)
