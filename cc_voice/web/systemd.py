"""Notification of systemd: what it is told (`Type=notify`): ready, alive, stopping. Without `$NOTIFY_SOCKET` nothing happens."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Speaks sd_notify's protocol: one datagram of `KEY=value`. Telling must not fail the service, so errors are dropped."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of an abstract socket
        self._address = "\0" + address[1:] if address.startswith("@") else address
        microseconds = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(microseconds) / 1e6 if microseconds.isdecimal() else None
        """How long systemd waits for a sign of life; None when it does not watch."""

    def ready(self) -> None:
        self._tell("READY=1")

    def alive(self) -> None:
        if self.watchdog_s is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.connect(self._address)
                channel.sendall(text.encode())
        except OSError:
            return
