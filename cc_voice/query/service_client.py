"""Client of the service: whoever needs the database comes here. It is opened here while nobody holds it, and else the service that
holds it is asked.

DuckDB lets one process open the file. What is asked goes through the service's owner socket (`<data>/owner.sock`) as a name and
arguments; `operations.py` has the table of names, and the service looks them up in the same one.
"""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from cc_voice.config.settings import Settings
from cc_voice.store.database import Database
from cc_voice.store.errors import DatabaseLocked, StoreError

T = TypeVar("T")

SERVICE_TIMEOUT_S = 600.0
"""An export of years may take minutes."""
PATIENCE_S = 5.0
"""How long to wait while the database is held by somebody who answers no questions: another command, or a service starting."""
POLL_S = 0.05
OWNER_COMMAND = "http://owner/owner/command"


class QuestionError(Exception):
    """A question cannot be answered; the message is for whoever asked."""


class _Reply(msgspec.Struct, frozen=True):
    """What the service answers: a result, or with another status than 200 why there is none."""

    result: Any = None
    detail: str = ""


_REPLY = msgspec.json.Decoder(_Reply)


def database_or_service(settings: Settings, here: Callable[[Database], T], there: Callable[[], T]) -> T:
    """Return what `here` makes of the database, or what `there` gets from the service (with `ask_service`).

    Raises QuestionError with the reason when neither can.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return _open(settings, here)
        except DatabaseLocked as locked:
            try:
                return there()
            except httpx.ConnectError as error:
                if time.monotonic() >= deadline:
                    raise QuestionError(
                        f"{locked} and does not answer on {settings.owner_socket} ({error}); repeat when the command that is "
                        "running has finished, or the service has started or stopped"
                    ) from error
        time.sleep(POLL_S)


def _open(settings: Settings, here: Callable[[Database], T]) -> T:
    """Answer with a database of our own. Raises DatabaseLocked, QuestionError."""
    try:
        database = Database.open(settings.database_path)
    except DatabaseLocked:
        raise
    except StoreError as error:
        raise QuestionError(str(error)) from error
    try:
        return here(database)
    except StoreError as error:
        raise QuestionError(str(error)) from error
    finally:
        database.close()


def service_runs(settings: Settings) -> bool:
    """Whether a service answers for this data folder."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(settings.owner_socket))
        except OSError:
            return False
        return True


def need_a_site(settings: Settings) -> None:
    """Refuse a folder that is not there: a mistyped one must not look like a site without calls. Raises QuestionError."""
    if not settings.data_dir.is_dir():
        raise QuestionError(f"there is no folder {settings.data_dir}; name the site's with --data-dir or --config")


def ask_service(settings: Settings, question: str, arguments: Mapping[str, Any]) -> Any:
    """Have the service answer. Raises httpx.ConnectError when there is none, QuestionError."""
    transport = httpx.HTTPTransport(uds=str(settings.owner_socket))
    try:
        with (
            httpx.Client(transport=transport, timeout=SERVICE_TIMEOUT_S) as client,
            client.stream("POST", OWNER_COMMAND, json={"command": question, "arguments": dict(arguments)}) as answer,
        ):
            content = _content(answer)
    except httpx.ConnectError:
        raise
    except httpx.HTTPError as error:
        raise QuestionError(f"the service on {settings.owner_socket} was asked and gave no answer ({error!r})") from error
    try:
        reply = _REPLY.decode(content)
    except msgspec.DecodeError as error:
        raise QuestionError(
            f"the service on {settings.owner_socket} answered HTTP {answer.status_code} and nothing else"
        ) from error
    if answer.is_success:
        return reply.result
    raise QuestionError(reply.detail)


def _content(answer: httpx.Response) -> bytes:
    """Return an answer's body. Who refuses a question unread cuts the connection; that they refused is told all the same."""
    try:
        return answer.read()
    except httpx.HTTPError:
        if answer.is_success:
            raise
        return b""
