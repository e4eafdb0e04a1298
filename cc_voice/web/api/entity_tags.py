"""Entity tags: every whole answer to a GET names its content (ETag), and who has it already gets 304 and no body.

The tag is a hash of the body, so it is right whatever an answer is made of. What it saves is the way, not the work: the answer is
made, and written into the audit log, each time. Streams have no end and no tag; a file brings its own.
"""

import hashlib
from typing import Any

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_NOT_OF_NOTHING = ("content-length", "content-type", "content-disposition", "accept-ranges")


def with_entity_tags(app: ASGIApp) -> ASGIApp:
    """Return an application whose answers have tags. A middleware."""

    async def tagging(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
            await app(scope, receive, send)
            return
        known = Headers.from_scope(scope).get("if-none-match", "")
        answer = _TaggedAnswer(send, known)
        await app(scope, receive, answer.send)

    return tagging


class _TaggedAnswer:
    """One answer on its way out."""

    def __init__(self, send: Send, known: str) -> None:
        self._send = send
        self._known = known
        self._start: Any = None
        self._is_over = False

    async def send(self, message: Message) -> None:
        if self._is_over:
            return
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableScopeHeaders.from_message(message)
            if "etag" in headers:
                await self._begin(message, headers["etag"])
            else:
                self._start = message
            return
        if message["type"] == "http.response.body" and self._start is not None:
            start, self._start = self._start, None
            if message.get("more_body"):
                await self._send(start)
            else:
                tag = f'"{hashlib.sha256(message["body"]).hexdigest()[:32]}"'
                MutableScopeHeaders.from_message(start)["etag"] = tag
                await self._begin(start, tag)
        if not self._is_over:
            await self._send(message)

    async def _begin(self, start: Any, tag: str) -> None:
        if not knows(self._known, tag):
            await self._send(start)
            return
        headers = MutableScopeHeaders.from_message(start)
        for name in _NOT_OF_NOTHING:
            if name in headers:
                del headers[name]
        start["status"] = 304
        self._is_over = True
        await self._send(start)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def knows(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names a tag (RFC 9110, section 13.1.2: compared weakly)."""
    return header.strip() == "*" or any(each.strip().removeprefix("W/") == tag for each in header.split(","))
