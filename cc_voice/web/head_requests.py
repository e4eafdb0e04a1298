"""HEAD: the headers of a GET without its body, for every address that takes GET. Litestar would answer 405.

The answer ends with its headers, so that an event stream, which has no end, has one here.
"""

from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send


def with_head(app: ASGIApp) -> ASGIApp:
    """Return an application that answers HEAD as well."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                ended = True
            elif not ended:
                await send(message)

        # A copy: the server looks into its own for the method, and leaves the body out
        await app(cast(HTTPScope, {**scope, "method": "GET"}), receive, send_head)

    return answering
