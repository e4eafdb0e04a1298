"""Store: what is kept of calls in DuckDB, and the webhook inbox. Imports nothing, so that only who asks loads DuckDB."""
