"""The rules of severity, as data. A change here is a new `RULES_VERSION`."""

RULES_VERSION = "r1"
