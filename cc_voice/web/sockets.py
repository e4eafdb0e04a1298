"""The two sockets of the service: TCP for pages, API and webhooks, and the owner's in the data folder."""

import os
import socket
from pathlib import Path

BACKLOG = 2048
"""Webhooks that arrive while workers start wait here instead of being refused."""


def listen_tcp(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError that names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: accepted sockets inherit it, and asyncio sets TCP_NODELAY only where it is TCP. With 0 every answer
    # that has a body waits 40 ms for the peer's delayed acknowledgement of its headers.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror or error}; change `listen`") from error
    return sock


def listen_owner(path: Path) -> socket.socket:
    """Return a listening socket that only the owner of the data folder may open. Raises OSError.

    Call it only while holding the database: then a file in the way was left by a process that is dead.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        advice = "; choose a data folder with a shorter path" if len(os.fsencode(path)) > 107 else ""
        raise OSError(error.errno, f"cannot listen on {path}: {error.strerror or error}{advice}") from error
    finally:
        os.umask(before)
    return sock


def address(sock: socket.socket) -> str:
    """Return the base URL under which this machine reaches a listening socket."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
