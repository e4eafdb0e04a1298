"""Errors of the package.

    RtmsError
    ├── WebhookError    a webhook's body cannot be understood
    ├── FrameError      a frame is not a message (inside the package: the core counts it)
    ├── UrlError        a server URL must not be opened
    ├── ControlError    a stream cannot be started, stopped, paused or resumed by REST
    └── MisuseError     the stream cannot do what it was told, now or ever

Only our own misuse and bytes handed to us raise: a peer on a link cannot make the core raise.
"""


class RtmsError(Exception):
    """Something about RTMS went wrong; the message says what and what to do."""


class WebhookError(RtmsError, ValueError):
    """A webhook's body is not JSON, or lacks what its event needs."""


class FrameError(RtmsError, ValueError):
    """A frame holds no message of the protocol."""


class UrlError(RtmsError, ValueError):
    """A server URL is not on the list of allowed hosts, or not a safe WebSocket URL."""


class ControlError(RtmsError):
    """A control command makes no request, or Zoom did not follow it.

    The message is ours and may be logged; `zoom_says` is Zoom's text, for the operator who asked.
    """

    def __init__(self, message: str, zoom_says: str = "") -> None:
        super().__init__(message)
        self.zoom_says = zoom_says


class MisuseError(RtmsError):
    """A method was called in a state in which it makes no sense."""
