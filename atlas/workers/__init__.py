"""Dramatiq: the broker, thin actors, the sweeper."""
