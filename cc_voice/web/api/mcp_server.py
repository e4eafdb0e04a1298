"""MCP server: the tools of `mcp_tools.py` in the protocol of the `mcp` package, over HTTP and standard input. Its only importer.

One server for each asker, and over HTTP one for each request: it knows who asks without looking it up, and a token that was revoked
is refused by the next request, as everywhere. So HTTP has no sessions and no streams that a server starts: tools that only read
need neither.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog
from mcp import types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from cc_voice import __version__
from cc_voice.web.api import mcp_tools
from cc_voice.web.api.mcp_tools import INSTRUCTIONS, Asker, Tool, ToolError

log = structlog.get_logger()
logging.getLogger("mcp").setLevel(logging.CRITICAL)  # its errors quote what was asked, which is in no log

_PASSED_ON = (
    *("type", "asgi", "http_version", "scheme", "method", "root_path", "path", "raw_path", "query_string", "headers"),
    *("server", "client"),
)
"""What the protocol needs of a request; what else the web framework noted there is not its business."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """What the protocol answers to a request."""

    status: int
    headers: dict[str, str]
    body: bytes


def server_for(asker: Asker) -> Server[Any]:
    """Return a server that answers somebody."""

    async def list_tools(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in mcp_tools.permitted(asker)])

    async def call_tool(_: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        return await _called(asker, params.name, params.arguments or {})

    return Server(
        "cc_voice",
        version=__version__,
        title="Contact-center voice analytics",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _called(asker: Asker, name: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
    try:
        found = await mcp_tools.call(asker, name, arguments)
    except ToolError as error:
        return types.CallToolResult(content=[types.TextContent(type="text", text=str(error))], is_error=True)
    except (
        Exception
    ) as error:  # the outermost frame of a question: the protocol would tell whoever asks what broke, and log arguments
        log.error("a tool failed", tool=name, error=type(error).__name__, exc_info=error)
        text = "something is broken; the fault was logged"
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)
    text = json.dumps(found, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=found)


def _described(tool: Tool) -> types.Tool:
    told = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    return types.Tool(name=tool.name, title=tool.title, description=tool.description, input_schema=tool.schema(), annotations=told)


async def serve_stdio(asker: Asker) -> None:
    """Answer on standard input and output until it ends."""
    server = server_for(asker)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def answer_http(
    asker: Asker,
    scope: Mapping[str, Any],
    body: bytes,
    receive: Callable[[], Awaitable[Any]],
) -> HttpAnswer:
    """Answer a request whose body was read; `receive` tells that the client has left."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    status, headers, parts = 500, {}, []

    async def body_first() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else dict(await receive())

    async def gather(message: MutableMapping[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            parts.append(message.get("body", b""))

    # Host and Origin are the business of our own guards, which know the names of this appliance
    manager = StreamableHTTPSessionManager(server_for(asker), json_response=True, stateless=True)
    async with manager.run():
        await manager.handle_request({key: scope[key] for key in _PASSED_ON if key in scope}, body_first, gather)
    return HttpAnswer(status, headers, b"".join(parts))
