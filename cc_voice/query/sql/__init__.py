"""SQL for people: one SELECT on a copy of the published views, in a process that can do nothing else.

    SqlError              the message is for whoever asked
    ├── SqlRefused        it is not one SELECT on the published views, or uses what is not offered
    ├── SqlFailed         it is one, and DuckDB could not answer it
    ├── SqlLimit          it took too long or too much memory
    ├── SqlBusy           others are being answered
    └── SqlUnavailable    this machine cannot run it safely, or the copy could not be made

`snapshot` keeps the copy, which `assembler` writes; `runner` starts `sandbox` for one question; `question_queue` lets a few wait.
SQL is code and DuckDB has no walls inside, so there are three of our own, each of which would do: the copy holds nothing but the
published views; the statement is taken apart by DuckDB's own parser and everything not on a list is refused; and the process that
runs it has lost the right to open files, sockets and processes, its environment, and all memory and time beyond its share.
"""


class SqlError(Exception):
    """A question in SQL was not answered; the message is for whoever asked."""


class SqlRefused(SqlError):
    """The text is not one SELECT on the published views, or uses a function that is not offered."""


class SqlFailed(SqlError):
    """The SELECT is allowed, and DuckDB could not answer it."""


class SqlLimit(SqlError):
    """The answer would take more time or memory than a question may."""


class SqlBusy(SqlError):
    """Other questions are being answered; `retry_s` is when to come again, in seconds."""

    def __init__(self, message: str, retry_s: int) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class SqlUnavailable(SqlError):
    """This machine cannot run SQL of people safely, or the copy that it runs on could not be made."""
