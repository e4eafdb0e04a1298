"""Errors of the store.

StoreError
├── DatabaseLocked     another process holds the database
├── DatabaseDamaged    the file or its write-ahead log cannot be read
├── DatabaseTooNew     a newer version of the program wrote it
├── DatabaseClosed     used after `close`
├── WebhookNotKept     the inbox could not commit it
├── ReadTooLong        a question was stopped
├── CallInProgress     it cannot be deleted yet
└── SearchError        a query of search cannot be answered
"""


class StoreError(Exception):
    """Root of the package's errors; the message says what the operator can do."""


class DatabaseLocked(StoreError):
    """Another process holds the database; ask it through its owner socket."""


class DatabaseDamaged(StoreError):
    """The database cannot be opened as it is on disk."""


class DatabaseTooNew(StoreError):
    """The database was written by a newer version of the program."""


class DatabaseClosed(StoreError):
    """The database was closed while a question waited."""


class WebhookNotKept(StoreError):
    """A webhook is not safe: only a 5xx makes Zoom deliver it again."""


class ReadTooLong(StoreError):
    """A question took longer than questions may; the store is well."""


class CallInProgress(StoreError):
    """A call that goes on, or is being measured, is not deleted."""


class SearchError(StoreError):
    """A query cannot be answered; the message is for whoever typed it."""
