"""Secret: a string that does not show itself."""


class Secret(str):
    """A string that hides itself from `repr`, and so from logs and tracebacks; use it as `str` where the value is needed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"
