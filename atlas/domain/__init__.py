"""The pure part: canonical form, differ, redaction, fingerprint, severity, triage. No I/O of any kind."""
