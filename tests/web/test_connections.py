"""Connections that strangers open and do not use, use slowly, or fill: nothing of it keeps others waiting, or stays."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from structlog.testing import capture_logs

from cc_voice.web import connections
from cc_voice.web.api import evaluations, maintenance, policies, reports, rules
from cc_voice.web.app import FORM_BYTES, create_app
from cc_voice.web.appliance import Appliance
from cc_voice.web.connections import LoopErrors
from cc_voice.web.owner_socket import MAX_BODY_BYTES as OWNER_BYTES
from cc_voice.web.pages import administration
from cc_voice.web.webhooks import MAX_BODY_BYTES as WEBHOOK_BYTES
from tests.conftest import PATIENCE_S
from tests.web.conftest import Served

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Any]
HEALTH = b"GET /login HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
async def connect(served: Served) -> AsyncIterator[Connect]:
    """Open connections to the appliance, closed in the end."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    opened: list[asyncio.StreamWriter] = []

    async def opening() -> Streams:
        reader, writer = await asyncio.open_connection(host, int(port))
        opened.append(writer)
        return reader, writer

    yield opening
    for writer in opened:
        writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return what still comes until the other end closes."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionResetError:
        return b""


async def status(reader: asyncio.StreamReader) -> int:
    """Return the status of an answer, and leave its headers behind."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    return int(head.split()[1])


@pytest.mark.parametrize(
    ("phase", "sent"),
    [
        ("head", b""),
        ("head", b"GET /login HTT"),
        ("head", b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Len"),
        ("body", b"POST /login HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nContent-Length: 20\r\n\r\nacc"),
        ("body", b"POST /webhooks/zoom HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
    ],
    ids=["nothing", "half a line", "half a head", "half a form", "half a webhook"],
)
async def test_who_does_not_finish_a_request_is_not_waited_for(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, phase: str, sent: bytes
) -> None:
    monkeypatch.setitem(connections._SECONDS, phase, 0.2)
    reader, writer = await connect()
    writer.write(sent)
    with capture_logs() as logs:
        assert await rest(reader) == b""
        await asyncio.sleep(0)
    assert logs == []


async def test_dripping_gains_no_time(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections._SECONDS, "head", 0.3)
    reader, writer = await connect()
    reading = asyncio.create_task(rest(reader))
    deadline = time.monotonic() + PATIENCE_S
    while not reading.done():
        assert time.monotonic() < deadline
        writer.write(b"G" if not writer.is_closing() else b"")
        await asyncio.sleep(0.05)
    assert await reading == b""


async def test_the_second_request_of_a_connection_has_its_own_time(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = await connect()
    writer.write(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    await status(reader)
    monkeypatch.setitem(connections._SECONDS, "head", 0.2)
    writer.write(b"GET /log")
    await rest(reader)


async def test_of_too_many_that_say_nothing_the_oldest_goes(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_WAITING", 5)
    silent = [await connect() for _ in range(12)]
    with_request = await connect()
    with_request[1].write(HEALTH)
    assert await status(with_request[0]) == 200
    for reader, _ in silent[:7]:
        assert await rest(reader) == b""
    assert not silent[-1][0].at_eof()


async def test_of_too_many_that_are_answered_no_more_are_taken(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_OPEN", 3)
    silent = [await connect() for _ in range(9)]
    for reader, _ in silent[:6]:
        assert await rest(reader) == b""


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"POST /login HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nContent-Length: 9500000\r\n", 413),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nTransfer-Encoding: chunked\r\n", 413),
        (b"POST /webhooks/zoom HTTP/1.1\r\nHost: a\r\nContent-Length: 9500000\r\n", 413),
        (b"POST /api/v1/sql HTTP/1.1\r\nHost: a\r\nContent-Length: 9500000\r\n", 401),
        (b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 9500000\r\n", 404),
    ],
    ids=["form", "chunked form", "webhook", "sql", "nowhere"],
)
async def test_what_is_too_large_is_answered_and_cut_off(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, head: bytes, expected: int
) -> None:
    monkeypatch.setitem(connections._SECONDS, "unread", 0.2)
    reader, writer = await connect()
    chunk = b"1\r\na\r\n" if b"chunked" in head else b"a&"
    writer.write(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + chunk * FORM_BYTES * 2)
    assert await status(reader) == expected
    await rest(reader)


async def test_a_head_without_end_is_refused(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"GET /login HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2 * connections.HEAD_BYTES)
    assert await status(reader) == 400


def test_every_route_has_a_limit(appliance: Appliance) -> None:
    larger = {"/webhooks/zoom": WEBHOOK_BYTES, "/owner/command": OWNER_BYTES}
    larger |= dict.fromkeys(("/api/v1/sql", "/api/v1/mcp"), reports.QUESTION_BYTES)
    rule = "/api/v1/rules/{rule_id:str}"
    larger |= dict.fromkeys((rule, f"{rule}/backtest", f"{rule}/marks"), rules.RULE_BYTES)
    evaluation = "/api/v1/evaluations/{evaluation_id:str}"
    bodies = ("/api/v1/forms/{form_id:str}/publish", f"{evaluation}/answers", f"{evaluation}/steps")
    larger |= dict.fromkeys(bodies, evaluations.EVALUATION_BYTES)
    larger |= dict.fromkeys(("/admin/policies/{kind:str}", "/admin/policies/{kind:str}/try"), administration.POLICY_FORM_BYTES)
    larger |= dict.fromkeys(("/api/v1/policies/{kind:str}", "/api/v1/policies/{kind:str}/trials"), policies.BODY_BYTES)
    larger |= dict.fromkeys(("/api/v1/imports", "/api/v1/enrichments"), maintenance.UPLOAD_BYTES)
    larger["/api/v1/recomputations"] = maintenance.RECOMPUTE_BYTES
    limits = {
        (route.path, method): handler.resolve_request_max_body_size()
        for route in create_app(appliance).routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler) and "OPTIONS" not in handler.http_methods
        for method in handler.http_methods
    }
    assert len(limits) > 30
    assert limits == {
        (path, method): larger.get(path, FORM_BYTES) if method in ("POST", "PUT") else FORM_BYTES for path, method in limits
    }


def test_what_cannot_be_accepted_is_told_once_a_minute() -> None:
    now = [0.0]
    errors = LoopErrors(lambda: now[0])
    loop = asyncio.new_event_loop()
    full = {"message": "socket.accept() out of system resource", "exception": OSError(errno.EMFILE, "Too many open files")}
    with capture_logs() as logs:
        for second in (0, 1, 2, 59, 61):
            now[0] = float(second)
            for _ in range(10):
                errors(loop, full)
    loop.close()
    assert [line["times"] for line in logs] == [1, 40]
    assert {line["error"] for line in logs} == {"Too many open files"}
