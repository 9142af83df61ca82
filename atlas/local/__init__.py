"""The embedded default: PostgreSQL and Valkey from wheels, supervised by Atlas."""
