"""The owner's socket: commands on this machine ask the process that holds the database (`query/operations.py`).

Whoever may open the socket may open the data folder, so there is no sign-in; over TCP the route does not exist.
"""

import asyncio
from typing import Any

import msgspec
from litestar import Response, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from cc_voice.query.operation_arguments import QuestionMalformed, check
from cc_voice.query.operations import QUESTIONS, QuestionError
from cc_voice.web.access.audit import os_actor
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.access.command_audit import command_deed
from cc_voice.web.appliance import Appliance
from cc_voice.web.connections import PEER_UID

MAX_BODY_BYTES = 64 << 20
"""A report of Zoom's or a roster comes in one question."""


class OwnerCommand(msgspec.Struct, frozen=True):
    """A question by its name in `query.operations.QUESTIONS`."""

    command: str
    arguments: dict[str, Any] = {}


_COMMAND = msgspec.json.Decoder(OwnerCommand)


async def over_owner_socket(connection: ASGIConnection[Any, Any, Any, State], handler: BaseRouteHandler) -> None:
    """Guard: let through what came over the owner's socket. No header can claim that: it is the name of the listening socket."""
    appliance: Appliance = connection.app.state.appliance
    if connection.scope.get("server") != (str(appliance.settings.owner_socket), None):
        raise NotFoundException


@post(
    "/owner/command",
    status_code=200,
    guards=[over_owner_socket],
    request_max_body_size=MAX_BODY_BYTES,
    opt={"from_programs": True},
    include_in_schema=False,
)
async def command(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[bytes]:
    """Answer a question as `query.operations.ask` would if it could open the database."""
    asked = await asyncio.to_thread(_read, await request.body())
    question = QUESTIONS.get(asked.command)
    if question is None:
        raise QuestionError(f"this service knows no command {asked.command!r}; is it older than the program that asks?")
    # Who did it is who the socket says, whatever a command says of itself
    arguments = {**asked.arguments, "by": os_actor(request.scope["state"].get(PEER_UID))}
    await asyncio.to_thread(check, asked.command, arguments)
    deed = await asyncio.to_thread(command_deed, asked.command, asked.arguments, request.scope["state"].get(PEER_UID))
    if deed is not None:
        await appliance.audit.write(deed, appliance.now())
    # A question in SQL may wait for others: in threads of its own, as those of people
    run = appliance.sql.run if asked.command == "sql" else asyncio.to_thread
    if asked.command == "administration.overview":
        arguments = {**arguments, "running": msgspec.to_builtins(await appliance.running())}
    try:
        result = await run(question, appliance.database, appliance.settings, arguments)
    except msgspec.ValidationError as error:
        raise QuestionMalformed(f"the question {asked.command} cannot be understood: {error}") from error
    return Response(await asyncio.to_thread(_written, result), media_type=MediaType.JSON)


def _read(body: bytes) -> OwnerCommand:
    """Return the command. For a thread, as the answer is: both may be of megabytes. Raises QuestionError."""
    try:
        return _COMMAND.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise QuestionError(f"this is no command: {error}") from error


def _written(result: object) -> bytes:
    return msgspec.json.encode({"result": result})
