"""The call as data: time line, roles, transcript, metrics. Pure functions: no I/O, no clock, no database.

Times are integer milliseconds since the start of the call (`_ms`); `start_ms` is inclusive, `end_ms` exclusive.
"""
