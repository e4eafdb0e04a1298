"""Served: what only shows over real sockets: the owner's socket, event streams that end, forwarded addresses."""

import asyncio
import socket
import stat
import threading
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import pytest

from cc_voice.config.settings import Settings
from cc_voice.query.operations import QUESTIONS
from cc_voice.query.service_client import ask_service
from cc_voice.query.sql.question_queue import AT_ONCE, RETRY_S, WAITING
from cc_voice.query.sql.runner import SqlLimits
from cc_voice.web.access import failed_tries
from cc_voice.web.access.audit import os_actor
from cc_voice.web.access.authentication import COOKIE
from cc_voice.web.api import reports
from cc_voice.web.appliance import Appliance
from cc_voice.web.service import configuration
from cc_voice.web.sockets import listen_tcp
from cc_voice.web.systemd import Notifier
from tests.conftest import PATIENCE_S
from tests.web.conftest import PASSWORD, Served
from tests.web.pages.test_pages import in_progress, say, speak

__all__ = ["in_progress"]

COMMAND = {"command": "calls.list", "arguments": {"limit": 5}}


@pytest.fixture
async def owner(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(served.owner_socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://owner") as client:
        yield client


@pytest.fixture
async def browser(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, headers={"origin": served.url}, timeout=PATIENCE_S) as client:
        yield client


async def sign_in(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/login", data={"account": "rosa", "password": PASSWORD})).status_code == 303


async def test_a_command_is_answered_as_if_it_had_opened_the_store(owner: httpx.AsyncClient, golden: str, site: Settings) -> None:
    answer = await owner.post("/owner/command", json=COMMAND)
    assert [call["call_id"] for call in answer.json()["result"]] == ["golden"]
    asked = await asyncio.to_thread(ask_service, site, "calls.show", {"call_id": "golden"})
    assert asked["call"]["call_id"] == "golden"


async def test_a_question_that_cannot_be_answered_says_why(owner: httpx.AsyncClient, golden: str) -> None:
    answer = await owner.post("/owner/command", json={"command": "calls.show", "arguments": {"call_id": "unknown"}})
    assert answer.status_code == 400
    assert "there is no call 'unknown'" in answer.json()["detail"]
    answer = await owner.post("/owner/command", json={"command": "format disk"})
    assert answer.status_code == 400
    assert "no command 'format disk'" in answer.json()["detail"]


async def test_a_fault_of_ours_reaches_whoever_asked(owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError("seven of nine")

    monkeypatch.setitem(QUESTIONS, "streams", broken)
    answer = await owner.post("/owner/command", json={"command": "streams", "arguments": {}})
    assert answer.status_code == 500
    assert "the service met a fault (ArithmeticError: seven of nine)" in answer.json()["detail"]


BOMB = "with recursive r as (select 1 as n union all select n from r) select count(*) from r, v_word a, v_word b"


async def test_the_service_does_not_notice_a_question_that_would_take_everything(
    browser: httpx.AsyncClient, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(browser)
    monkeypatch.setattr(reports, "LIMITS", SqlLimits(time_ms=6_000))
    asking = asyncio.create_task(browser.post("/api/v1/sql", json={"sql": BOMB}, timeout=2 * PATIENCE_S))
    for path in ["/calls", "/api/v1/calls", "/reports/agent-talk?since=2026-09-01"] * 5:
        assert (await browser.get(path)).status_code == 200
    assert not asking.done(), "the pages were answered only after the question had ended"
    refused = await asking
    assert refused.status_code == 400
    assert "took more than 6 s" in refused.json()["detail"]


async def test_a_question_too_many_is_told_when_to_come_again(
    browser: httpx.AsyncClient, owner: httpx.AsyncClient, appliance: Appliance, golden: str
) -> None:
    await sign_in(browser)
    go_on = threading.Event()
    waiting = [asyncio.create_task(appliance.sql.run(go_on.wait, PATIENCE_S)) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)
    command = {"command": "sql", "arguments": {"text": "select 1", "format": "json"}}
    for asking in (browser.post("/api/v1/sql", json={"sql": "select 1"}), owner.post("/owner/command", json=command)):
        refused = await asking
        assert (refused.status_code, refused.headers["retry-after"]) == (429, str(RETRY_S))
        assert "repeat in 30 s" in refused.json()["detail"]
    go_on.set()
    await asyncio.gather(*waiting)


async def test_commands_do_not_exist_over_tcp(browser: httpx.AsyncClient, served: Served) -> None:
    await sign_in(browser)
    for headers in ({}, {"host": "owner"}, {"x-forwarded-for": str(served.owner_socket)}, {"x-forwarded-host": "owner"}):
        answer = await browser.post("/owner/command", json=COMMAND, headers=headers)
        assert answer.status_code == 404, headers


async def test_the_owner_s_socket_is_private_and_has_the_pages_behind_sign_in(served: Served, owner: httpx.AsyncClient) -> None:
    assert stat.S_IMODE(served.owner_socket.stat().st_mode) == 0o600
    assert (await owner.get("/api/v1/calls")).status_code == 401


async def test_the_proxy_s_word_decides_who_is_slowed_down(browser: httpx.AsyncClient) -> None:
    guesser = {"x-forwarded-for": "203.0.113.9"}
    for _ in range(failed_tries.FREE_HERE):
        await browser.post("/login", data={"account": "rosa", "password": "wrong"}, headers=guesser)
    refused = await browser.post("/login", data={"account": "rosa", "password": PASSWORD}, headers=guesser)
    assert refused.status_code == 429
    await sign_in(browser)


async def test_nobody_else_s_word_does(appliance: Appliance) -> None:
    settings = msgspec.structs.replace(appliance.settings, trusted_proxies=("192.0.2.0/24",))
    config = configuration(msgspec.structs.replace(appliance, settings=settings), Notifier({}))
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=("198.51.100.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://a", headers={"origin": "http://a"}) as client:
        for number in range(failed_tries.FREE_HERE + 1):
            headers = {"x-forwarded-for": f"203.0.113.{number}"}
            answer = await client.post("/login", data={"account": "rosa", "password": "wrong"}, headers=headers)
    assert answer.status_code == 429


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[Any]:
    async for line in lines:
        if line.startswith("data: {"):
            yield msgspec.json.decode(line.removeprefix("data: "))


async def test_a_live_page_is_told_what_changed(browser: httpx.AsyncClient, appliance: Appliance, in_progress: str) -> None:
    await sign_in(browser)
    async with asyncio.timeout(PATIENCE_S), browser.stream("GET", "/live/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        received = messages(answer.aiter_lines())
        first = await anext(received)
        assert first["rows"]["order"] == ["live-stream"]
        assert "Ana" in first["rows"]["changed"]["live-stream"]
        assert "In progress" in first["parts"]["kpis"]
        say(appliance, ("a", 5000, "let me see", "local"))
        second = await anext(received)
        assert list(second["rows"]["changed"]) == ["live-stream"]


async def test_a_live_transcript_grows_and_ends_with_its_call(
    browser: httpx.AsyncClient, appliance: Appliance, in_progress: str
) -> None:
    await sign_in(browser)
    async with asyncio.timeout(PATIENCE_S), browser.stream("GET", f"/calls/{in_progress}/events") as answer:
        lines = answer.aiter_lines()
        received = messages(lines)
        first = await anext(received)
        assert len(first["rows"]["order"]) == 1
        say(appliance, ("a", 5000, "let me see", "local"))
        second = await anext(received)
        [(key, html)] = second["rows"]["changed"].items()
        assert "let me see" in html
        assert second["rows"]["order"][-1] == key
        appliance.database.write_now(lambda con: con.execute("update stream set stage = 'failed'"))
        rest = [line async for line in lines]
    assert "event: over" in rest


async def test_a_program_is_told_every_word(browser: httpx.AsyncClient, appliance: Appliance, in_progress: str) -> None:
    await sign_in(browser)
    async with asyncio.timeout(PATIENCE_S), browser.stream("GET", "/api/v1/live/words") as answer:
        lines = answer.aiter_lines()
        assert "from now on" in await anext(lines)
        received = messages(lines)
        for text in ("can", "can i", ""):
            speak(appliance, text)
            told = await anext(received)
            assert (told["call_id"], told["channel_id"], told["text"]) == (in_progress, "a", text)


async def test_event_streams_end_when_the_service_stops(browser: httpx.AsyncClient, appliance: Appliance) -> None:
    await sign_in(browser)
    async with asyncio.timeout(PATIENCE_S), browser.stream("GET", "/live/events") as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        appliance.draining.set()
        assert [line async for line in lines][-1:] in ([], [""])


def sign_out(appliance: Appliance, browser: httpx.AsyncClient, token: str) -> None:
    appliance.accounts.sign_out(browser.cookies[COOKIE])


def revoke(appliance: Appliance, browser: httpx.AsyncClient, token: str) -> None:
    for each in appliance.accounts.tokens("rosa"):
        appliance.accounts.revoke_token("rosa", each.token_id)


def reset(appliance: Appliance, browser: httpx.AsyncClient, token: str) -> None:
    appliance.accounts.reset("rosa", "one-time")


@pytest.mark.parametrize("path", ["/live/events", "/calls/{call}/events", "/api/v1/live/words"])
@pytest.mark.parametrize(("who", "end"), [("person", sign_out), ("person", reset), ("program", revoke), ("program", reset)])
async def test_event_streams_end_with_the_right_to_them(
    browser: httpx.AsyncClient, appliance: Appliance, in_progress: str, path: str, who: str, end: Any
) -> None:
    headers = {}
    if who == "program":
        headers = {"authorization": f"Bearer {appliance.accounts.create_token('rosa', 'wall', 0)}"}
    else:
        await sign_in(browser)
    async with asyncio.timeout(PATIENCE_S), browser.stream("GET", path.format(call=in_progress), headers=headers) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        await anext(lines)
        while path != "/api/v1/live/words" and (await anext(lines)) != "":
            pass
        end(appliance, browser, "")
        say(appliance, ("a", 5000, "let me see", "local"))
        speak(appliance, "let me see")
        rest = [line async for line in lines]
    assert not any("let me see" in line for line in rest)


async def test_an_accepted_socket_sends_at_once() -> None:
    accepted: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

    class Listening(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(cast(asyncio.Transport, transport))

    for host in ("127.0.0.1", "::1"):
        accepted = asyncio.get_running_loop().create_future()
        server = await asyncio.get_running_loop().create_server(Listening, sock=listen_tcp(host, 0))
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            sock = (await accepted).get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1, host
            (await accepted).close()
            writer.close()


async def test_a_command_over_the_owner_s_socket_is_who_the_kernel_says(served: Served, appliance: Appliance) -> None:
    """No header can claim to be another: the socket's credentials are those of the process at its other end."""
    transport = httpx.AsyncHTTPTransport(uds=str(served.owner_socket))
    asked = {"command": "sql", "arguments": {"text": "select 1", "format": "csv", "actor": "os:somebody"}}
    async with httpx.AsyncClient(transport=transport, base_url="http://owner", timeout=PATIENCE_S) as client:
        answer = await client.post("/owner/command", json=asked, headers={"x-actor": "os:somebody"})
    assert answer.status_code == 200, answer.text
    [entry] = appliance.audit.entries()
    assert (entry.actor, entry.action, entry.address) == (os_actor(), "sql", "local")
