"""Files on disk: recordings, ranges received, pictures, films, the spool. No DuckDB: a worker which only records stays small."""
