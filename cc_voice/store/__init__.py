"""DuckDB and files: what is kept of a call. Imports nothing, so that a worker which only records never loads DuckDB."""
