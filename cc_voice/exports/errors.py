"""ExportError: an export could not be made, nothing was replaced, and the message says why. There are no others."""


class ExportError(Exception):
    """An export could not be made; what was there is still there."""
