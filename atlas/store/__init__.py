"""SQL, and only here: tables, the tenant-bound transaction, one module a noun."""
